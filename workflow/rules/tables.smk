# Tidy tables and statistics.
# Inputs:  results/<name>/shards/*.parquet and the config, which the tables embed.
# Outputs: results/<name>/tables/{runs,curves,layers,studies}.parquet · results/<name>/stats/*.csv, of which
#          activations.csv tabulates the functions themselves and boundaries.csv the answers of a few
#          networks in the plane, so that drawing them needs no torch; exact.csv holds what calculus settles,
#          cost.csv what activations cost on this machine.
#          Those that rest on the records of layers are a rule of their own, since both take about as long.
#          results/<name>/claims.csv · stats/claim_tests.csv: the ledger of claims, judged.
# A priority of 1 marks the longest way to the report: figures, theory and the probe fill the cores that it leaves.


rule tables:
    input:
        config=CONFIG_FILE,
        shards=expand("results/{name}/shards/{shard}.parquet", name=NAME, shard=SHARDS),
        code=code_of("shell.tables"),
    output:
        runs=f"results/{NAME}/tables/runs.parquet",
        curves=f"results/{NAME}/tables/curves.parquet",
        layers=f"results/{NAME}/tables/layers.parquet",
        studies=f"results/{NAME}/tables/studies.parquet",
    log:
        f"logs/{NAME}/tables.log",
    priority: 1
    conda:
        "../envs/actbench.yaml"
    message:
        "Gather the shards into tables"
    shell:
        f"python -m actbench tables {CONFIG} 2> {{log}}"


rule cost:
    input:
        config=CONFIG_FILE,
        code=code_of("shell.cost"),
    output:
        f"results/{NAME}/stats/cost.csv",
    log:
        f"logs/{NAME}/cost.log",
    priority: 1
    conda:
        "../envs/actbench.yaml"
    message:
        "Time the activations"
    shell:
        f"python -m actbench cost {CONFIG} > {{log}} 2>&1"


rule stats:
    input:
        tables=rules.tables.output,
        cost=rules.cost.output,
        code=code_of("shell.stats"),
    output:
        report(
            expand(
                "results/{name}/stats/{statistic}.csv", name=NAME, statistic=STATISTICS
            ),
            caption="../report/statistics.rst",
            category="Statistics",
        ),
    log:
        f"logs/{NAME}/stats.log",
    priority: 1
    conda:
        "../envs/actbench.yaml"
    message:
        "Compute statistics"
    shell:
        f"python -m actbench stats {CONFIG} --only scores 2> {{log}}"


rule layer_stats:
    input:
        tables=rules.tables.output,
        code=code_of("shell.stats"),
    output:
        report(
            expand(
                "results/{name}/stats/{statistic}.csv",
                name=NAME,
                statistic=LAYER_STATISTICS,
            ),
            caption="../report/statistics.rst",
            category="Statistics",
        ),
    log:
        f"logs/{NAME}/layer_stats.log",
    priority: 1
    conda:
        "../envs/actbench.yaml"
    message:
        "Compute statistics of layers"
    shell:
        f"python -m actbench stats {CONFIG} --only layers 2> {{log}}"


rule activations:
    input:
        config=CONFIG_FILE,
        code=code_of("shell.activations"),
    output:
        f"results/{NAME}/stats/activations.csv",
    log:
        f"logs/{NAME}/activations.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Tabulate activation functions"
    shell:
        f"python -m actbench activations {CONFIG} 2> {{log}}"


rule boundaries:
    input:
        runs=f"results/{NAME}/tables/runs.parquet",
        data=ancient(expand("data/{dataset}.npz", dataset=DATASETS)),
        code=code_of("shell.boundaries"),
    output:
        f"results/{NAME}/stats/boundaries.csv",
    log:
        f"logs/{NAME}/boundaries.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Tabulate decision boundaries"
    shell:
        f"python -m actbench boundaries {CONFIG} 2> {{log}}"


rule exact:
    input:
        config=CONFIG_FILE,
        code=code_of("shell.exact"),
    output:
        f"results/{NAME}/stats/exact.csv",
    log:
        f"logs/{NAME}/exact.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Check what calculus settles"
    shell:
        f"python -m actbench exact {CONFIG} 2> {{log}}"


rule claims:
    input:
        tables=rules.tables.output,
        exact=rules.exact.output,
        cost=rules.cost.output,
        ledger=LEDGER_FILE,
        code=code_of("shell.claims"),
    output:
        report(
            f"results/{NAME}/claims.csv",
            caption="../report/statistics.rst",
            category="Claims",
        ),
        f"results/{NAME}/stats/claim_tests.csv",
    log:
        f"logs/{NAME}/claims.log",
    priority: 1
    conda:
        "../envs/actbench.yaml"
    message:
        "Judge the ledger of claims"
    shell:
        f"python -m actbench claims {CONFIG} --ledger {LEDGER} > {{log}} 2>&1"


rule probe:
    input:
        code=code_of("shell.probe"),
    output:
        f"results/{NAME}/stats/probe.csv",
    log:
        f"logs/{NAME}/probe.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Probe ten layers of five activations"
    shell:
        "python -m actbench probe --activation sigmoid tanh relu gelu silu --depth 10"
        " --table {output} > {log} 2>&1"


rule theory:
    input:
        config=CONFIG_FILE,
        data=ancient(expand("data/{dataset}.npz", dataset=DATASETS)),
        code=code_of("shell.theory"),
    output:
        layers=f"results/{NAME}/stats/theory.csv",
        scales=f"results/{NAME}/stats/depth_scales.csv",
    log:
        f"logs/{NAME}/theory.log",
    conda:
        "../envs/actbench.yaml"
    message:
        "Tabulate what theory predicts"
    shell:
        f"python -m actbench theory {CONFIG} 2> {{log}}"
