#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `mqgate pki`, judged by openssl: chains, purposes, names, lists, modes, and that nothing is ever
# overwritten or half there.
. "$(dirname "$0")/../lib/ktap.sh"

MQGATE_TOP=${MQGATE_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
mqgate=${MQGATE_BUILD:-$MQGATE_TOP/build}/mqgate
need_command openssl jq
[ -x "$mqgate" ] || skip_all "needs build/mqgate: make"
dir=$(scratch)
on_exit rm -rf "$dir"
p=$dir/pki
plan 74

pki() {
	"$mqgate" pki "$@" < /dev/null
}

# judged PURPOSE FILE [ARGUMENT...]: openssl verifies as strictly as it can.
judged() {
	local purpose=$1 file=$2
	shift 2
	openssl verify -x509_strict -CAfile "$p/root.pem" -untrusted "$p/ca.pem" \
		-purpose "$purpose" "$@" "$file" 2>&1
}

lists=(-CRLfile "$p/crl.pem" -crl_check_all)

text() {
	openssl x509 -in "$1" -noout -text -nameopt utf8,sep_comma_plus_space
}

mode() {
	stat -c %a "$p/$1"
}

# crl FIELD: of the intermediate's list, the first of the file.
crl() {
	openssl crl -in "$p/crl.pem" -noout "$1" | sed 's/^[A-Za-z]*=//'
}

umask 0
says "init says that this is no production CA" 0 "not a production CA" pki init "$p"
is "its directory is its owner's alone" "$(stat -c %a "$p") $(mode devices) $(mode servers)" \
	"700 700 700"
is "and so are its keys, whatever the umask" "$(mode ca.key) $(mode root.key)" "600 600"
contains "README says it, too" "$(cat "$p/README")" "not a production CA"
says "init over a PKI is refused" 1 "is there already" pki init "$p"
mkdir "$dir/empty"
says "and over an empty directory" 1 "is there already" pki init "$dir/empty"
ln -s "$dir/nowhere" "$dir/link"
says "and over a dangling link" 1 "is there already" pki init "$dir/link"
says "init where nothing can be made" 1 "cannot be made" pki init "$dir/no/such/place"
says "init with a key that is none" 2 "p256, p384, ed25519, rsa2048" pki init "$dir/x" key dsa
is "of what was refused nothing is left" "$(ls -A "$dir")" $'empty\nlink\npki'

says "the root verifies itself" 0 ": OK" judged any "$p/root.pem"
says "the intermediate verifies, with its list" 0 ": OK" judged any "$p/ca.pem" "${lists[@]}"
said=$(text "$p/root.pem")
contains "the root may sign one CA below it" "$said" "CA:TRUE, pathlen:1"
contains "it signs certificates and lists only" "$said" "Certificate Sign, CRL Sign"
contains "its subject says what it is" "$said" "not for production"
said=$(text "$p/ca.pem")
contains "the intermediate may sign none" "$said" "CA:TRUE, pathlen:0"
contains "its policy says what it is" "$said" "not a production CA"

says "a server" 0 "good until" pki issue "$p" server dns gw.example ip 192.0.2.1 ip 2001:db8::1
says "verifies as a server" 0 ": OK" judged sslserver "$p/servers/gw.example.pem" "${lists[@]}"
says "and not as a client" 2 "purpose" judged sslclient "$p/servers/gw.example.pem"
contains "it has the names" "$(text "$p/servers/gw.example.pem")" \
	"DNS:gw.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1"
is "its key is its owner's" "$(mode servers/gw.example.key)" 600
says "it has its intermediate with it" 0 ": OK" openssl verify -CAfile "$p/root.pem" \
	-untrusted "$p/servers/gw.example.pem" "$p/servers/gw.example.pem"
says "a server without a name that devices use is refused" 2 "dns NAME or ip" pki issue "$p" \
	server cn gw

says "a device" 0 "good until" pki issue "$p" device cn pump-1 dns pump-1.example \
	uri spiffe://example/pump-1 email pump-1@example.com
says "verifies as a client" 0 ": OK" judged sslclient "$p/devices/pump-1.pem" "${lists[@]}"
says "and not as a server" 2 "purpose" judged sslserver "$p/devices/pump-1.pem"
said=$(text "$p/devices/pump-1.pem")
contains "it has the names" "$said" \
	"DNS:pump-1.example, URI:spiffe://example/pump-1, email:pump-1@example.com"
contains "its subject has the cn" "$said" "CN=pump-1"
contains "and says what it is" "$said" "O=mqgate trial PKI, not for production"
contains "so does its policy" "$said" "Explicit Text: mqgate pki: for trials and tests only"
contains "it is no CA" "$said" "CA:FALSE"
contains "it signs handshakes only" "$said" $'critical\n                Digital Signature\n'
contains "P-256 is the default" "$said" "prime256v1"
check "the key belongs to it" cmp <(openssl x509 -in "$p/devices/pump-1.pem" -noout -pubkey) \
	<(openssl pkey -in "$p/devices/pump-1.key" -pubout)
says "a name twice is refused" 1 "is not overwritten" pki issue "$p" device cn pump-1
says "unless the file is another: the same device renewed" 0 "pump-1.2.pem" pki issue "$p" device \
	cn pump-1 file pump-1.2
says "a device without a cn" 0 "good until" pki issue "$p" device uri urn:x:1 file by-uri
is "has none" "$(openssl x509 -in "$p/devices/by-uri.pem" -noout -subject | grep -c CN)" 0
says "a device without any name is refused" 2 "name it with cn" pki issue "$p" device
says "a cn that mqgated would refuse" 2 "refuses in an identity" pki issue "$p" device cn 'a/#'
says "one with a control character" 2 "control character" pki issue "$p" device cn $'a\tb'
says "one that is no UTF-8" 2 "UTF-8" pki issue "$p" device cn $'a\xff'
says "one that is too long" 2 "1 to 64" pki issue "$p" device cn \
	"$(printf 'x%.0s' {1..65})" file long
says "a dns name with a wildcard, for a device" 2 "host name" pki issue "$p" device dns '*.x'
says "a uri without a scheme" 2 "a URI" pki issue "$p" device uri nowhere
says "a mail address without an at" 2 "mail address" pki issue "$p" device email nobody
says "a file outside the directory" 2 "no name of a file" pki issue "$p" device cn x file ../x
says "a cn that is no file name wants one" 2 "add file NAME" pki issue "$p" device cn 'a b'
says "more days than the CA has" 1 "would outlive its CA; write 7" pki issue "$p" device cn y \
	days 800
says "a word that is none" 2 "not understood" pki issue "$p" device cn y colour red
says "a word without its value" 2 "days needs a value" pki issue "$p" device cn y days
for type in p384 ed25519 rsa2048 rsa3072; do
	pki issue "$p" device cn "dev-$type" key $type > "$dir/said"
	says "$type verifies" 0 ": OK" judged sslclient "$p/devices/dev-$type.pem" "${lists[@]}"
done
for type in p384 ed25519 rsa2048; do
	"$mqgate" pki init "$dir/$type" key $type > "$dir/said" &&
		"$mqgate" pki issue "$dir/$type" device cn d > "$dir/said"
	says "a CA of $type, and its list" 0 ": OK" openssl verify -x509_strict \
		-CAfile "$dir/$type/root.pem" -untrusted "$dir/$type/ca.pem" \
		-CRLfile "$dir/$type/crl.pem" -crl_check_all "$dir/$type/devices/d.pem"
done

certificates=("$p"/root.pem "$p"/ca.pem "$p"/*/*.pem)
serials=$(for file in "${certificates[@]}"; do
	openssl x509 -in "$file" -noout -serial
done | sed 's/.*=//' | sort -u)
is "serial numbers have 127 bits and differ" "$(grep -cE '^[4-7][0-9A-F]{31}$' <<< "$serials")" \
	"${#certificates[@]}"

before=$(crl -nextupdate)
is "the list has a next update" "$([ -n "$before" ] && echo yes)" yes
says "revoke by name" 0 "revoked: serial" pki revoke "$p" pump-1 reason key-compromise
says "openssl sees it" 2 "certificate revoked" judged sslclient "$p/devices/pump-1.pem" \
	"${lists[@]}"
says "and others as good" 0 ": OK" judged sslclient "$p/devices/pump-1.2.pem" "${lists[@]}"
contains "the reason is in it" "$(openssl crl -in "$p/crl.pem" -noout -text)" "Key Compromise"
says "twice is refused" 1 "revoked already" pki revoke "$p" pump-1
says "who is nobody is refused" 1 "neither the name nor the serial" pki revoke "$p" nobody
serial=$(openssl x509 -in "$p/devices/pump-1.2.pem" -noout -serial | sed 's/.*=//')
is "revoke by serial number" "$("$mqgate" -j pki revoke "$p" "${serial,,}" | jq -r .serial)" \
	"$serial"

# Eight at once: without the lock the last list would have lost some of the others.
for n in {1..8}; do
	pki issue "$p" device cn "many-$n" > "$dir/said.$n" &
done
wait
for n in {1..8}; do
	pki revoke "$p" "many-$n" > "$dir/said.$n" 2>&1 &
done
wait
is "revocations at the same time are all in the list" \
	"$(openssl crl -in "$p/crl.pem" -noout -text | grep -c 'Serial Number')" 10
is "and every list had a number of its own" "$(crl -crlnumber)" 0x0B
says "crl renews it" 0 "good until" pki crl "$p" days 3
is "with the next number, and what was revoked" \
	"$(crl -crlnumber) $(openssl crl -in "$p/crl.pem" -noout -text | grep -c 'Serial Number')" \
	"0x0C 10"
mv "$p/crl.pem" "$dir/crl.pem"
says "without the last list there is no next one" 1 "crl.pem" pki revoke "$p" by-uri
mv "$dir/crl.pem" "$p/crl.pem"
chmod 755 "$p"
says "a directory that others can enter is refused" 1 "chmod 700" pki issue "$p" device cn z
finish
