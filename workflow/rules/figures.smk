# Figures, one job each: editing one figure's file redraws one figure.
# Inputs:  the tables and statistics that the figure's file declares, and the file itself.
# Outputs: figures/<name>/<figure>.{pdf,svg,png}, .csv (exactly the numbers drawn) and .md (the caption).


rule figure:
    input:
        tables=tables_of_figure,
        stats=stats_of_figure,
        code=code_of_figure,
    output:
        pdf=f"figures/{NAME}/{{figure}}.pdf",
        svg=report(
            f"figures/{NAME}/{{figure}}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png=f"figures/{NAME}/{{figure}}.png",
        csv=f"figures/{NAME}/{{figure}}.csv",
        caption=f"figures/{NAME}/{{figure}}.md",
    log:
        f"logs/{NAME}/figures/{{figure}}.log",
    conda:
        "../envs/actbench.yaml"
    params:
        width=WIDTH,
    message:
        "Draw {wildcards.figure}"
    shell:
        f"python -m actbench figure {CONFIG} {{wildcards.figure}} --width {{params.width}} > {{log}} 2>&1"


rule figures:
    input:
        expand(
            "figures/{name}/{figure}.{kind}",
            name=NAME,
            figure=FIGURES,
            kind=["pdf", "svg", "png", "csv", "md"],
        ),
