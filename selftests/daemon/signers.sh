# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What keys.sh and tpm.sh share: clients of a gateway whose keys are in hardware, and configurations
# with a key that is not good. Needs stage.sh. Reads: signers, the sed expressions that put the keys
# into the configuration of the stage.

# attempt CLIENT VERSION PORT: "accepted" or "refused"
attempt() {
	in_ns gw /usr/bin/python3 ./clients.py "$1" "$2" "$3" dev1 "$dir/pki/ca.pem" \
		"$dir/pki/dev1.pem" "$dir/pki/dev1.key"
}

# Eight handshakes that begin together, by version; prints how many were finished. What each client
# said lies in said.N.
together() {
	local i n=0 pids=()
	for i in 1 2 3 4 5 6 7 8; do
		in_ns gw openssl s_client -connect 127.0.0.1:8883 "-tls1_$((i % 2 + 2))" \
			-CAfile "$dir/pki/ca.pem" -verify_return_error -cert "$dir/pki/dev1.pem" \
			-key "$dir/pki/dev1.key" < /dev/null > "$dir/said.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" && n=$((n + 1))
	done
	echo $n
}

# broken WHAT WANTED SED-EXPRESSION...: the configuration so changed is refused with these words
broken() {
	local what=$1 wanted=$2
	shift 2
	stage_config "$dir/broken.yaml" "${signers[@]}" "$@"
	contains "refused in words: $what" \
		"$("$MQGATE_BUILD/mqgated" -t -c "$dir/broken.yaml" 2>&1)" "$wanted"
}
