#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup.sh with a list of its own and an apt-get that is not one: what it says, and that it changes
# nothing where nothing is missing.
. "$(dirname "$0")/ktap.sh"

dir=$(scratch)
on_exit rm -rf "$dir"
mkdir "$dir/bin"
cp "$(dirname "$0")/setup.sh" "$dir/"

packages() {
	printf '%s\n' "$@" > "$dir/packages"
}

# apt_get TEXT: the body of the stand-in; every call is noted.
apt_get() {
	printf '#!/bin/bash\necho "$*" >> %q\n%s\n' "$dir/calls" "$1" > "$dir/bin/apt-get"
	chmod +x "$dir/bin/apt-get"
	rm -f "$dir/calls"
}

setup() {
	PATH="$dir/bin:$PATH" bash "$dir/setup.sh" "$@" > "$dir/said" 2>&1
}

plan 16
apt_get "exit 1"
packages $'build\tno-such-package\tno-such-command' $'build\tbash\tbash' \
	$'test\tno-such-either\t/no/such/file'
refuse "check fails where a package is missing" setup check build
contains "it names the package" "$(cat "$dir/said")" "missing: no-such-package"
contains "it names the command that installs it" "$(cat "$dir/said")" \
	"sudo apt-get install --no-install-recommends no-such-package"
is "it does not name what is there, nor another group" \
	"$(grep -c -e 'no-such-either' -e ' bash' "$dir/said")" 0
check "check installs nothing" test ! -e "$dir/calls"

packages $'build\tno-such-package\tbash' $'build\tno-such-other\t/bin/sh'
check "a command or a file stands for its package" setup check build
is "and then nothing is said" "$(cat "$dir/said")" ""

if [ "$(id -u)" = 0 ]; then
	packages $'build\tno-such-package\tbash'
	check "install changes nothing where nothing is missing" setup install build
	check "and does not call apt-get" test ! -e "$dir/calls"
	packages $'build\tno-such-package\t'"$dir/here"
	apt_get "case \$* in *no-such-package*) touch '$dir/here' ;; esac"
	check "install installs what is missing" setup install build
	contains "and says so" "$(cat "$dir/said")" "setup: installing no-such-package"
	rm -f "$dir/here"
	apt_get "[ \$1 = update ] && touch '$dir/updated'
		[ -e '$dir/updated' ] && touch '$dir/here'"
	check "where the lists are old, it fetches them and tries again" setup install build
	rm -f "$dir/here"
	apt_get "echo the mirror is away; exit 100"
	refuse "install fails where a package cannot be had" setup install build
	contains "and says which, with apt-get's own words" "$(tr '\n' ' ' < "$dir/said")" \
		"the mirror is away setup: cannot be had: no-such-package"
	check "wish goes on where a package cannot be had" setup wish build
	contains "and says that tests are skipped" "$(cat "$dir/said")" "are skipped"
else
	for name in "nothing missing" "apt-get not called" "installs" "says so" "tries again" \
		"fails" "says which" "wish goes on" "and says"; do
		skip "install: $name" "needs root"
	done
fi
finish
