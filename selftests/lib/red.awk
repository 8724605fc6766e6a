# SPDX-License-Identifier: BSD-2-Clause
#
# Of one program's KTAP output, the red points of every level, each behind what was said since the
# point before it (the last -v keep= lines of that). Called by runner.sh for suites.sh, so that the
# end of a long log tells what is wrong in it.

/^[ \t]*(not )?ok([ \t]|$)/ {
	if ($1 == "not" && toupper($0) !~ /[ \t]# *SKIP/) {
		for (i = said > keep ? said - keep : 0; i < said; i++)
			print line[i % keep]
		print
	}
	said = 0
	next
}

/[^ \t\r]/ { line[said++ % keep] = $0 }
