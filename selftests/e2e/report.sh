# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The last screen of `make run`: a table of what was offered, what became of it, and the verdict in
# words. Sourced by run.sh, after all scenes.

row() {
	printf '  %-44s %12s %12s\n' "$1" "$2" "${3:-}"
}

rule() {
	printf '  %.70s\n' "----------------------------------------------------------------------"
}

report() {
	local reason packets misfit
	echo
	row "" "control" "protected"
	rule
	row "flood: malformed packets offered" "${figure[control_offered]}" "${figure[offered]}"
	row "  from as many sources" "$(of control .sources)" "$(of flood .sources)"
	row "  reached the broker" "${figure[control_arrived]}" "${figure[arrived]}"
	row "attackers that finished the handshake" "${figure[control_attackers]}" \
		"${figure[attack_handshakes]}"
	row "  their payload packets at the broker" "${figure[control_attack_arrived]}" \
		"${figure[attack_arrived]}"
	row "  connections the broker had to refuse" "${figure[control_complaints]}" \
		"${figure[complaints]}"
	rule
	row "dropped in XDP during the flood, by reason" "-" "${figure[dropped]}"
	sort -k2,2nr "$WORK/drops.flood" | while read -r reason packets; do
		row "  $reason" "" "$packets"
	done
	rule
	row "messages published during the flood" "-" "$(said_total)"
	row "  arrived with their content" "-" "${figure[heard]}"
	rule
	for misfit in "${misfits[@]}"; do
		printf '  %-48s %20s\n' "refused: $(misfit_words "${misfit%% *}")" "${misfit##* }"
	done
	rule
	row "flood while mqgated was dead and came back" "-" "${figure[kill_offered]}"
	row "  reached the broker" "-" "${figure[kill_arrived]}"
	echo
	cat <<-'END'
	  In this run the routed port 1883 is `unknown_flows: strict`: a flow has to begin with a
	  good CONNECT. The default is lenient, so that connections older than the attach live on:
	  it drops only what names MQTT and is malformed, and lets pass what might be the middle of
	  an honest flow.
	END
	echo
	if [ "$claims_failed" -eq 0 ]; then
		echo "  VERDICT: the flood died in XDP, and every device was served."
	else
		echo "  VERDICT: $claims_failed of $claims_made claims did not hold; see NO above."
	fi
	echo "  $claims_made claims, $claims_failed failed, $SECONDS s"
}
