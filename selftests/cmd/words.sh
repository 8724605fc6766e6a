#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate without an interface: help, abbreviations, exit codes, who may do what, check, completion.
. "$(dirname "$0")/stage.sh"
stage gw
need_command setpriv
plan 52

says "version says all four" 0 "ABI " m version
is "as JSON" "$(m -j version | jq -r 'keys | join(" ")')" "abi kernel libbpf version"
says "-V is version" 0 "mqgate " m -V
says "--help lists the objects" 0 "  verdict    show and change" m --help
says "without a word the usage is told, and 2" 2 "Usage: mqgate" m

for object in attach detach status why verdict stats events top check identity tls pki policy \
	version help; do
	says "help $object" 0 "Usage: mqgate [-j] [-p] $object" m help $object
done
says "help after the object is the same" 0 "verdict flush [operator|daemon|loaded|all]" \
	m verdict help
says "--help after it, too" 0 "verdict flush [operator|daemon|loaded|all]" m verdict --help

says "an abbreviation that can mean one thing is taken" 0 "Usage: mqgate [-j] [-p] attach" m help a
says "one that can mean two is refused with both" 2 "may mean status or stats" m sta
says "an object that is none" 2 "no such object; mqgate help lists them" m ban
says "an option that is none" 2 "no such option" m -x status
says "words that an object does not take" 2 "takes no words" m status now
says "a verb that is none" 2 "it has list, add, del, flush, load and explain" m verdict ban
says "attach without an interface" 2 "name an interface" m attach
says "attach with a word that is none" 2 "not understood" m attach lo nativ
says "attach for a group that is none" 1 "groupadd" m attach lo group no-such-group
says "detach without an interface" 2 "name an interface, or all" m detach
says "why without a subject" 2 "name one address or client identifier" m why
says "why of an address that went wrong" 2 "is an IPv4 prefix" m why 192.0.2.0/24
says "why of a client without a daemon" 1 "no daemon runs" m why dev-1
says "events with a number that is none" 2 "not a number above 0" m events count 0
says "an address that is none" 2 "is not an address" m verdict del nowhere
says "words for people are cleaned of escape sequences" 2 '?[2J: no such object' m $'\033[2J'

# check hands over to the daemon beside the command, and its exit code back.
mkdir "$MQGATE_RUN/bin"
cp "$mqgate" "$MQGATE_RUN/bin/mqgate"
printf '#!/bin/sh\necho "asked: $*"\nexit 7\n' > "$MQGATE_RUN/bin/mqgated"
chmod 755 "$MQGATE_RUN" "$MQGATE_RUN/bin" "$MQGATE_RUN/bin/mqgated"
says "check asks the daemon beside it" 7 "asked: -t -c /some/file" "$MQGATE_RUN/bin/mqgate" \
	check /some/file
rm "$MQGATE_RUN/bin/mqgated"
PATH=/nonexistent says "without a daemon there, check says so" 1 "install it beside mqgate" \
	"$MQGATE_RUN/bin/mqgate" check /some/file
says "check takes one file" 2 "name one file" m check

# Nobody in particular.
nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$MQGATE_RUN/bin/mqgate" "$@"
}
says "version needs no root" 0 "mqgate " nobody version
says "attach says that it needs root" 1 "needs root" nobody attach lo
in_ns gw ip link add name bridge0 type bridge
gw attach bridge0 > /dev/null
says "maps say who may change them" 1 "needs root or group mqgate" nobody verdict add 192.0.2.1 drop

if getent group mqgate > /dev/null; then
	chgrp mqgate "$MQGATE_RUN"
	chmod 770 "$MQGATE_RUN"
	member() {
		in_ns gw setpriv --reuid 65534 --regid mqgate --clear-groups \
			"$MQGATE_RUN/bin/mqgate" "$@"
	}
	says "the group writes verdicts without any capability" 0 "drop for ever" member verdict \
		add 192.0.2.1 drop
	says "and sees the status" 0 "interface  bridge0" member status
	says "but cannot take the program off" 1 "needs root" member detach all
else
	skip "the group writes verdicts without any capability" "no group mqgate"
	skip "and sees the status" "no group mqgate"
	skip "but cannot take the program off" "no group mqgate"
fi

# What bash would offer.
. "$MQGATE_TOP/packaging/mqgate.bash-completion"
offered() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_mqgate
	echo "${COMPREPLY[*]}"
}
PATH=$MQGATE_BUILD:$PATH
is "completion of objects" "$(offered mqgate -j st)" "status stats"
is "of verbs" "$(offered mqgate verdict f)" "flush"
is "of attached interfaces" "$(offered mqgate detach br)" "bridge0"
is "of sources" "$(offered mqgate verdict del 192)" \
	"$(getent group mqgate > /dev/null && echo 192.0.2.1)"
is "of services" "$(offered mqgate stats service mqtts)" "mqtts"
finish
