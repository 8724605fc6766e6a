# SPDX-License-Identifier: BSD-2-Clause
#
# Counts the test points of one program's KTAP output; -v rc= its exit status, limit= its seconds.
# Prints PASSED FAILED SKIPPED [why]. Points below the first level (indented subtests) belong to
# the point that sums them up. Called by runner.sh; selftests/lib/runner_test.sh tests it.

function blame(text) {
	failed++
	why = why (why == "" ? "" : "; ") text
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
	plans++
	split($1, ends, /\.\./)
	planned += ends[2]
	if (ends[2] == 0 && toupper($0) ~ /# *SKIP/) {
		skipped++
		planned++
		points++
		why = $0
		sub(/^.*# *[Ss][Kk][Ii][Pp] */, "", why)
	}
}

/^(not )?ok([ \t]|$)/ {
	points++
	if (toupper($0) ~ /[ \t]# *SKIP/)
		skipped++
	else if ($1 == "not")
		failed++
	else
		passed++
}

/^Bail out!/ { bail = 1 }

END {
	passed += 0; failed += 0; skipped += 0
	if (rc == 4 && points == 0) {
		print 0, 0, 1, "exit 4"
		exit
	}
	before = failed
	if (rc == 124 || rc == 137)
		blame("timed out or killed after " limit " s")
	else if (rc > 128)
		blame("died of signal " (rc - 128))
	if (bail)
		blame("bailed out")
	if (plans == 0)
		blame("printed no plan")
	else if (points != planned)
		blame("planned " planned " points, reported " points + 0)
	if (failed == 0 && rc != 0 && !(rc == 4 && skipped > 0))
		blame("exit status " rc)
	if (before == 0 && failed == 0 && points == 0)
		blame("no test point")
	print passed, failed, skipped, why
}
