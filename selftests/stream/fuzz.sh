#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the fuzz target, FUZZ_SECONDS (default 5, with a fixed seed and no memory of earlier runs;
# `make fuzz` takes 60 and keeps its corpus in $MQGATE_OUTPUT). Called by the runner and by it.
. "$(dirname "$0")/../lib/ktap.sh"

out=${MQGATE_OUTPUT:?the runner sets it}
seconds=${FUZZ_SECONDS:-5}

fuzz() {
	local how=(-seed=1)
	if [ -n "${FUZZ_SECONDS:-}" ]; then
		mkdir -p "$out/corpus_stream" || return 1
		how=("$out/corpus_stream")
	fi
	"$out/fuzz_stream" -max_total_time="$seconds" -max_len=1024 -timeout=10 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="$out/broken_stream_" "${how[@]}"
}

plan 1
check "stream: no property breaks in ${seconds}s of fuzzing" fuzz
diag "stream: $(grep -h number_of_executed_units "$ktap_said")"
finish
