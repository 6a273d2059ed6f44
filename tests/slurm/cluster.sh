#!/usr/bin/env bash
# A SLURM cluster of virtual nodes on one machine, for tests: Debian's packages, no systemd, no cgroups, no database.
#   cluster.sh install   the packages, when they are missing; starts no service
#   cluster.sh start     authentication, controller and nodes; waits until the nodes are idle
#   cluster.sh stop      ends them, by the process ids that they wrote
# All three need root. NODES and CPUS (of each node) may exceed what the machine has; STATE holds all that the cluster
# writes. The one thing outside it is the link /etc/slurm/slurm.conf, since a job step forgets SLURM_CONF: a file of
# somebody else there is left alone, and `stop` takes the link away, because with it and no controller every `snakemake`
# of the machine waits some ten seconds for an answer.
set -euo pipefail

NODES=${NODES:-4}
CPUS=${CPUS:-1}
MEMORY=${MEMORY:-8000} # MB of each node
STATE=${STATE:-/tmp/actbench-slurm}
HOST=$(hostname -s)
LINK=/etc/slurm/slurm.conf

fail() {
  echo "cluster.sh: $*" >&2
  exit 1
}

installed() {
  local name
  for name in slurmctld slurmd sbatch munged; do
    command -v "$name" >/dev/null || return 1
  done
}

install_packages() {
  ! installed || return 0
  command -v apt-get >/dev/null || fail "no apt-get: install slurmctld, slurmd, slurm-client and munge yourself"
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then # the packages would start their services
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt-get update --quiet --quiet || echo "the lists of packages are old" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends \
    slurmctld slurmd slurm-client munge >/dev/null
}

write_configuration() {
  if [ -e "$LINK" ] || [ -L "$LINK" ]; then
    [ "$(readlink "$LINK")" = "$STATE/slurm.conf" ] || fail "$LINK belongs to another cluster"
  fi
  mkdir -p "$STATE"/{controller,log,pid} /etc/slurm
  cat >"$STATE/slurm.conf" <<END
ClusterName=actbench
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=26817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$STATE/munge/socket
StateSaveLocation=$STATE/controller
SlurmdSpoolDir=$STATE/node-%n
SlurmctldPidFile=$STATE/pid/slurmctld
SlurmdPidFile=$STATE/pid/node-%n
SlurmctldLogFile=$STATE/log/slurmctld
SlurmdLogFile=$STATE/log/node-%n
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
ReturnToService=0
# Memory is watched by sampling, as cgroups may be missing.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Finished jobs stay known until Snakemake has asked; a job that can never run is refused.
AccountingStorageType=accounting_storage/none
MinJobAge=600
EnforcePartLimits=ALL
InactiveLimit=0
KillWait=8
END
  local node
  for node in $(seq "$NODES"); do
    mkdir -p "$STATE/node-n$node"
    echo "NodeName=n$node NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((26817 + node)) CPUs=$CPUS RealMemory=$MEMORY"
  done >>"$STATE/slurm.conf"
  cat >>"$STATE/slurm.conf" <<END
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=200 PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE DefMemPerCPU=200 PriorityTier=2
END
  ln -sfn "$STATE/slurm.conf" "$LINK"
}

# A process that has ended and waits for its parent counts as ended.
running() { grep --quiet '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }

wait_for() { # seconds, what, command …
  local tries=$(($1 * 10)) what=$2
  shift 2
  for _ in $(seq "$tries"); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  tail --lines 20 "$STATE"/log/* >&2
  fail "waited in vain for $what"
}

all_idle() { [ "$(sinfo --noheader --Node --partition main --states idle --format %N | wc -l)" = "$NODES" ]; }

start() {
  write_configuration
  mkdir -p "$STATE/munge"
  chmod 700 "$STATE/munge"
  [ -s "$STATE/munge/key" ] || mungekey --create --keyfile "$STATE/munge/key"
  munged --force --socket "$STATE/munge/socket" --key-file "$STATE/munge/key" --pid-file "$STATE/pid/munged" \
    --seed-file "$STATE/munge/seed" --log-file "$STATE/log/munged"
  wait_for 20 munge munge --socket "$STATE/munge/socket" --no-input
  slurmctld
  wait_for 30 "the controller" scontrol ping
  for node in $(seq "$NODES"); do
    slurmd -N "n$node"
  done
  wait_for 60 "idle nodes" all_idle
}

end_process() { # file with its id: TERM, then after fifteen seconds KILL
  [ -s "$1" ] || return 0
  local id
  id=$(cat "$1")
  kill "$id" 2>/dev/null || true
  for _ in $(seq 150); do
    running "$id" || break
    sleep 0.1
  done
  ! running "$id" || kill -KILL "$id"
  rm -f "$1"
}

stop() {
  if [ -s "$STATE/pid/slurmctld" ] && running "$(cat "$STATE/pid/slurmctld")"; then
    scancel --user root --state pending || true
    scancel --user root --full --signal KILL || true
    for _ in $(seq 300); do # jobs end before their nodes do
      [ -n "$(squeue --noheader --states running,completing)" ] || break
      sleep 0.1
    done
  fi
  [ "$(readlink "$LINK")" != "$STATE/slurm.conf" ] || rm -f "$LINK"
  local file
  for file in "$STATE"/pid/node-* "$STATE/pid/slurmctld" "$STATE/pid/munged"; do
    end_process "$file"
  done
}

[ "$(id -u)" = 0 ] || fail "needs root"
case "${1:-}" in
  install) install_packages ;;
  start) start ;;
  stop) stop ;;
  *) fail "usage: cluster.sh install | start | stop" ;;
esac
