#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate module where there is no module: what is missing is said, and what is in the slots is
# taken out. selftests/kmod/ext.py links the real one.
. "$(dirname "$0")/stage.sh"
stage gw peer
plan 14

ns_link gw gw0 peer p0
slots="mqgate_ext mqgate_ext_frag"

# filled SLOT: something is in it.
empty() {
	! filled "$1"
}

filled() {
	bpftool map lookup pinned "$MQGATE_BPFFS/$1" key 0 0 0 0 > /dev/null 2>&1
}

missing="not loaded"
[ -e /proc/modules ] || missing="loads no modules"
if [ -e /sys/kernel/btf/mqgate ]; then
	skip_all "the module is loaded here"
fi
says "link without a module is refused in words" 1 "$missing" gw module link
says "unlink has nothing to do where nothing is attached" 0 "not linked" gw module unlink
says "what is not a verb is usage" 2 "link or unlink" gw module bind
says "module help tells" 0 "module link|unlink" gw module help

gw attach gw0 > /dev/null
for slot in $slots; do
	check "$slot is empty at first" empty "$slot"
done
# In the place of the extension any program of the flavour will do.
bpftool map update pinned "$MQGATE_BPFFS/mqgate_ext" key 0 0 0 0 value pinned "$MQGATE_BPFFS/prog"
check "a program is put into a slot" filled mqgate_ext
says "unlink takes it out" 0 "not linked any more" gw module unlink
check "the slot is empty" empty mqgate_ext
says "once more changes nothing" 0 "not linked: XDP decides alone as before" gw module unlink
is "-j says the same" "$(gw -j module unlink)" '{"linked":false,"already":true,"handed_over":0}'

bpftool map update pinned "$MQGATE_BPFFS/mqgate_ext" key 0 0 0 0 value pinned "$MQGATE_BPFFS/prog"
is "nobody but root opens the slots" "$(stat -c %a "$MQGATE_BPFFS"/mqgate_ext*  | sort -u)" 600
gw detach gw0 keep > /dev/null
gw attach gw0 > /dev/null
check "a new program has slots of its own" empty mqgate_ext
is "program and extension are of one build" \
	"$(bpftool btf dump file "$MQGATE_TOP/bpf/mqgate_ext.bpf.o" format c |
		sed -n '/^struct crossing {/,/^};/p')" \
	"$(bpftool btf dump file "$MQGATE_OBJ" format c | sed -n '/^struct crossing {/,/^};/p')"
