# Data sets and training.
# Inputs:  the config, through each shard's digest (a shard retrains when its runs or NUMERICS change).
# Outputs: data/<dataset>.npz · results/<name>/shards/<shard>.parquet, one row a trained network.


rule data:
    output:
        "data/{dataset}.npz",
    log:
        f"logs/{NAME}/data/{{dataset}}.log",
    priority: 10**12  # before any training, which waits for it
    conda:
        "../envs/actbench.yaml"
    message:
        "Make data set {wildcards.dataset}"
    shell:
        "python -m actbench data {wildcards.dataset} --folder data > {log} 2>&1"


rule train:
    input:
        data=ancient(data_of_shard),
    output:
        f"results/{NAME}/shards/{{shard}}.parquet",
    log:
        f"logs/{NAME}/train/{{shard}}.log",
    priority: priority_of_shard
    conda:
        "../envs/actbench.yaml"
    threads: 1
    resources:
        runtime=minutes_of_shard,
        mem_mb=megabytes_of_shard,
        gpu=GPUS,
    params:
        digest=digest_of_shard,
        numerics=NUMERICS,
        device=DEVICE,
    message:
        "Train shard {wildcards.shard}"
    shell:
        f"python -m actbench train {CONFIG}"
        " --shard {wildcards.shard}"
        " --digest {params.digest}"
        " --output {output}"
        " 2> {log}"
