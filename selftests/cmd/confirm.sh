#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate attach IF confirm: everything but a "yes" in time takes the program off again, also the
# death of the command.
. "$(dirname "$0")/stage.sh"
stage gw peer
plan 27

ns_link gw gw0 peer p0
ns_link gw gw1 peer p1

# An input that stays open and says nothing: a person who cannot reach the keyboard any more.
silent=$MQGATE_RUN/silent
mkfifo "$silent"
exec 7<> "$silent"

# waiting CONFIRM-WORDS...: attaches to gw0 in the background and waits until it asks.
waiting() {
	# Words of the one before would end the waiting too early.
	rm -f "$MQGATE_RUN/out" "$MQGATE_RUN/err"
	nsenter --net="/run/netns/$(ns_name gw)" -- "$mqgate" attach gw0 "$@" \
		> "$MQGATE_RUN/out" 2> "$MQGATE_RUN/err" < "$silent" &
	pid=$!
	poll_until 10 grep -q "type yes" "$MQGATE_RUN/err"
}

ended_with() {
	poll_until 10 gone $pid && { wait $pid; [ $? -eq "$1" ]; }
}

said() {
	cat "$MQGATE_RUN/out" "$MQGATE_RUN/err"
}

answer() {
	printf '%b' "$1" | gw attach gw0 confirm 20s 2>&1
}

contains "yes keeps it" "$(answer 'yes\n')" "confirmed, it stays"
check "the link is pinned" test -e "$MQGATE_BPFFS/link_gw0"
says "confirm does not undo what was attached before" 0 "attached already" gw attach gw0 confirm 1s
refuse "it is still attached" no_xdp gw gw0
gw detach gw0 > /dev/null

contains "another word takes it off" "$(answer 'y\n')" "the answer was not yes"
check "the program is off" no_xdp gw gw0
refuse "and the pins are gone" test -e "$MQGATE_BPFFS"
contains "more than yes is not yes" "$(answer 'yes please\n')" "the answer was not yes"
contains "yes without Enter is not yes" "$(answer 'yes')" "the input ended"
contains "the end of the input takes it off" "$(answer '')" "the input ended"
check "no program is left" no_xdp gw gw0
contains "a long line takes it off" "$(answer "$(printf 'yes%099d' 0)\n")" "the answer was not yes"

waiting confirm 300ms
check "time that runs out ends with 1" ended_with 1
contains "and says so" "$(said)" "nobody said yes in time, so it is detached again"
check "the program is off after it" no_xdp gw gw0

waiting confirm 1h
refuse "while it asks, the program is attached" no_xdp gw gw0
says "status says what it waits for" 0 "waits for its confirmation" gw status
refuse "the link is not pinned yet" test -e "$MQGATE_BPFFS/link_gw0"
kill -HUP $pid
check "a lost connection (SIGHUP) ends with 1" ended_with 1
check "and takes the program off" no_xdp gw gw0

waiting confirm 1h
kill -TERM $pid
check "SIGTERM ends with 1" ended_with 1
check "and takes the program off" no_xdp gw gw0

waiting confirm 1h
kill -KILL $pid
wait $pid 2> /dev/null
check "SIGKILL takes the program off" poll_until 10 no_xdp gw gw0
says "what it left behind is taken over" 0 "taken over" gw attach gw1

waiting confirm 300ms
check "with another interface attached, only this one goes" ended_with 1
says "the other one keeps its pins" 0 "gw1 " gw status

says "a time that is none is refused" 2 "not a time up to 1h" gw attach gw0 confirm 2h
finish
