#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the fuzz targets, FUZZ_SECONDS each (default 5, with a fixed seed and no memory of earlier
# runs; `make fuzz` takes 60 and keeps its corpus). Seeds are the vectors. Owns the directories
# corpus_* below $MQGATE_OUTPUT; called by the runner and by `make fuzz`.
. "$(dirname "$0")/../lib/ktap.sh"

out=${MQGATE_OUTPUT:?the runner sets it}
seconds=${FUZZ_SECONDS:-5}

# fuzz TARGET: passes when no input breaks a property; a broken one stays in $out
fuzz() {
	local target=$1 seeds kept
	seeds=$(scratch)
	on_exit rm -rf "$seeds"
	"$out/wire_parse" corpus "$target.vec" "$seeds" || return 1
	if [ -n "${FUZZ_SECONDS:-}" ]; then
		kept=$out/corpus_$target
		mkdir -p "$kept" || return 1
		"$out/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 \
			-verbosity=0 -artifact_prefix="$out/broken_${target}_" "$kept" "$seeds"
	else
		"$out/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -seed=1 \
			-print_final_stats=1 -verbosity=0 \
			-artifact_prefix="$out/broken_${target}_" "$seeds"
	fi
}

plan 4
for target in connect hello connack packet; do
	check "$target: no property breaks in ${seconds}s of fuzzing" fuzz "$target"
	diag "$target: $(grep -h number_of_executed_units "$ktap_said")"
done
finish
