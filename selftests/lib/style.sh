#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make style`: what every committed file has to keep, whatever its language. Prints FILE:LINE:
# what is wrong, ends 1 if anything is.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
wrong=0

complain() {
	echo "$*"
	wrong=1
}

# lines FILE WHAT PATTERN: complains of every line that fits.
lines() {
	local hit
	while IFS=: read -r hit _; do
		complain "$1:$hit: $2"
	done < <(grep -nE -- "$3" "$1")
}

check_text() {
	local file=$1
	[ -s "$file" ] || return 0
	lines "$file" "space at the end of the line" '[[:blank:]]+$'
	[ -z "$(tail -c 1 "$file")" ] || complain "$file: no newline at the end"
}

check_code() {
	local file=$1 word
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' ||
		complain "$file:1: no SPDX-License-Identifier"
	# A table of X(...) is read down its columns.
	awk -v file="$file" '!/^\tX\(/ {
		line = $0
		while (match(line, /\t/)) {
			n = 8 - (RSTART - 1) % 8
			line = substr(line, 1, RSTART - 1) sprintf("%" n "s", "") \
				substr(line, RSTART + 1)
		}
		if (length(line) > 100) {
			print file ":" NR ": " length(line) " columns, 100 are allowed"
			bad = 1
		}
	} END { exit bad }' "$file" || wrong=1
	# Spelled in two halves, so that this file keeps its own rule.
	for word in "TO""DO" "FIX""ME" "X""XX" "not imple""mented" "place""holder"; do
		lines "$file" "$word" "\\b$word\\b"
	done
}

check_tabs() {
	lines "$1" "indented by spaces" '^ {2,}[^ *]'
}

while IFS= read -r file; do
	[ -f "$file" ] || continue
	case $file in
	LICENSES/* | *.hex | *.bin | *.patch | */corpus/* | */seeds/*)
		continue
		;;
	esac
	grep -Iq . "$file" || continue
	check_text "$file"
	case $file in
	*.c | *.h)
		check_code "$file"
		check_tabs "$file"
		;;
	*.sh | *.mk | Makefile | */Makefile | .ci/run)
		check_code "$file"
		check_tabs "$file"
		;;
	*.py | *.awk)
		check_code "$file"
		;;
	esac
	case $file in
	*.sh | .ci/run)
		bash -n "$file" || wrong=1
		;;
	esac
done < <(git ls-files --cached --others --exclude-standard)

# A mutant follows the guard that it takes away.
for patch in selftests/mutants/*.patch selftests/debug/mutants/*.patch; do
	patch --dry-run --silent --strip=1 --forward --fuzz=0 --reject-file=- --input="$patch" \
		> /dev/null 2>&1 || complain "$patch: does not apply: the guard has moved"
done

[ $wrong -ne 0 ] || echo "style: nothing to say"
exit $wrong
