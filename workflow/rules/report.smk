# Tables and numbers for papers, the report page and the manifest.
# Inputs:  every table, statistic and figure; the page's template, styles and scripts; paper/.
# Outputs: results/<name>/latex/{numbers,main}.*, actbench.bib · results/<name>/report.html, one self-contained page ·
#          results/<name>/manifest.json, sha256 of every product · results/<name>/paper.pdf, where LaTeX is.


rule latex:
    input:
        tables=rules.tables.output,
        stats=[*rules.stats.output, *rules.layer_stats.output],
        code=code_of("shell.latex"),
    output:
        expand(
            "results/{name}/latex/{file}",
            name=NAME,
            file=[
                "numbers.tex",
                "numbers.json",
                "main.tex",
                "main.md",
                "main.csv",
                "actbench.bib",
            ],
        ),
    log:
        f"logs/{NAME}/latex.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Write tables and numbers for papers"
    shell:
        f"python -m actbench latex {CONFIG} > {{log}} 2>&1"


rule report:
    input:
        tables=rules.tables.output,
        stats=[*rules.stats.output, *rules.layer_stats.output],
        drawn=[
            *rules.activations.output,
            *rules.boundaries.output,
            *rules.theory.output,
            *rules.probe.output,
        ],
        claims=[*rules.exact.output, *rules.cost.output, *rules.claims.output],
        figures=rules.figures.input,
        code=[*code_of("shell.report"), *PAGE],
    output:
        report(
            f"results/{NAME}/report.html",
            caption="../report/report.rst",
            category="Report",
        ),
    log:
        f"logs/{NAME}/report.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Write the report page"
    shell:
        f"python -m actbench report {CONFIG} 2> {{log}}"


rule manifest:
    input:
        shards=rules.tables.input.shards,
        tables=rules.tables.output,
        stats=[*rules.stats.output, *rules.layer_stats.output],
        drawn=[
            *rules.activations.output,
            *rules.boundaries.output,
            *rules.theory.output,
            *rules.probe.output,
        ],
        claims=[*rules.exact.output, *rules.cost.output, *rules.claims.output],
        figures=rules.figures.input,
        latex=rules.latex.output,
        report=rules.report.output,
        code=code_of("shell.manifest"),
    output:
        f"results/{NAME}/manifest.json",
    log:
        f"logs/{NAME}/manifest.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Write the manifest"
    shell:
        f"python -m actbench manifest {CONFIG} 2> {{log}}"


rule paper:
    input:
        figures=rules.figures.input,
        latex=rules.latex.output,
        source=f"{PAPER}/paper.tex",
        code=code_of("shell.paper"),
    output:
        report(
            f"results/{NAME}/paper.pdf",
            caption="../report/paper.rst",
            category="Report",
        ),
    log:
        f"logs/{NAME}/paper.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Compile the example paper"
    shell:
        f"python -m actbench paper {CONFIG} --paper {PAPER_FOLDER} > {{log}} 2>&1"
