"""One file a figure: its question, the tables it reads, the numbers drawn, the drawing and the caption."""
