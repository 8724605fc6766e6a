#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Certificates of `mqgate pki` and real clients against mqgated: key types, versions, the crypto
# policy of a listener and its classes, identities by every rule, and what is told of them.

# shellcheck source=stage.sh
. "$(dirname "$0")/stage.sh"

stage_need gnutls-cli mosquitto mosquitto_pub jq curl
stage_init || skip_all "certificates cannot be made"
ns_add gw || skip_all "network namespaces cannot be made"
in_ns gw ip link set lo up
plan 119

trial=$dir/trial

issue() {
	mqgate pki issue "$trial" device "$@" > "$dir/said" || cat "$dir/said"
}
mqgate pki init "$trial" > /dev/null && mqgate pki issue "$trial" server dns localhost \
	ip 127.0.0.1 > /dev/null || skip_all "mqgate pki does not work"
types="rsa2048 p256 p384 ed25519"
for type in $types; do
	issue cn "dev-$type" key "$type"
done
issue cn sensor-1
issue cn pump-1 dns pump-1.example uri spiffe://plant/pump-1 email pump-1@plant.example
issue cn lost-1

listener() {
	cat <<-END
	  - name: $1
	    address: "127.0.0.1:$2"
	    kind: mqtts
	    broker: main
	    tls:
	      certificate: $trial/servers/localhost.pem
	      key: $trial/servers/localhost.key
	      client_ca: $trial/ca.pem
	      crl: $trial/crl.pem
	END
	cat
}
{
	printf 'brokers:\n  - {name: main, address: "127.0.0.1:1884"}\nlisteners:\n'
	listener default 8883 < /dev/null
	listener strict 8884 <<-END
	      groups: [P-256]
	      ciphers: [aes-128-gcm]
	      client_keys: {rsa_min: 3072, curves: [P-384]}
	END
	listener classes 8885 <<-END
	      ciphers: [aes-256-gcm]
	      groups: [X25519]
	      classes:
	        - {identity: "sensor-*", ciphers: [chacha20-poly1305], groups: [P-256]}
	END
	listener twelve 8886 <<-END
	      max_version: "1.2"
	      signature_algorithms: [ecdsa_secp256r1_sha256]
	END
	port=8890
	for from in san.dns san.uri san.email spiffe fingerprint issuer-serial; do
		listener "$from" $port <<-END
		    identity: {from: $from, client_id: any}
		END
		port=$((port + 1))
	done
	printf 'score: {threshold: 1000000}\nworkers: 1\nhttp: "127.0.0.1:9883"\n'
} > "$dir/policy.yaml"
check "check finds the configuration good" mqgate check "$dir/policy.yaml"
check "mqgated starts" mqgated_start gw "$dir/policy.yaml"
broker_start gw "$dir" 127.0.0.1 1884 || exit 1

# attempt CLIENT VERSION PORT CLIENTID DEVICE [ARGUMENT...]: "accepted" or "refused"
attempt() {
	local client=$1 version=$2 port=$3 id=$4 device=$trial/devices/$5
	shift 5
	in_ns gw /usr/bin/python3 ./clients.py "$client" "$version" "$port" "$id" \
		"$trial/root.pem" "$device.pem" "$device.key" "$@"
}

# refused_with REASON NAME: the daemon's latest refusal.
refused_with() {
	[ "$(ctl '{"do":"refusals"}' | jq -r '.refusals[0] | .reason')" = "$1" ]
}

# seen IDENTITY FILTER: of its line in the inventory.
seen() {
	MQGATE_RUN=$MQGATE_RUN mqgate -j identity list |
		jq -r --arg who "$1" "[.[] | select(.identity == \$who)][0] | $2"
}

# ---- real clients, four kinds of keys, both versions

export NODE_PATH=${NODE_PATH:-/usr/share/nodejs}
for type in $types; do
	for version in 1.2 1.3; do
		for client in openssl gnutls paho mqttjs; do
			said=$(attempt $client $version 8883 "dev-$type" "dev-$type")
			name="$client, TLS $version, $type: accepted"
			if [ "$said" = missing ]; then
				skip "$name" "needs MQTT.js (node-mqtt, or NODE_PATH of npm's mqtt)"
			else
				is "$name" "$said" accepted
			fi
		done
		check "mosquitto_pub, TLS $version, $type" in_ns gw mosquitto_pub -h localhost \
			-p 8883 --cafile "$trial/root.pem" --cert "$trial/devices/dev-$type.pem" \
			--key "$trial/devices/dev-$type.key" --tls-version "tlsv$version" \
			-i "dev-$type" -t t -m m
	done
	is "the inventory has its key" "$(seen "dev-$type" '"\(.key)-\(.bits) \(.tls)"')" "$(
		case $type in
		rsa2048) echo RSA-2048 1.3 ;;
		p256) echo P-256-256 1.3 ;;
		p384) echo P-384-384 1.3 ;;
		ed25519) echo Ed25519-256 1.3 ;;
		esac)"
done

# ---- the crypto policy

is "a strong key passes the strict listener" "$(attempt openssl 1.3 8884 dev-p384 dev-p384)" \
	accepted
for version in 1.2 1.3; do
	for type in rsa2048 p256 ed25519; do
		is "$type does not, TLS $version" \
			"$(attempt openssl $version 8884 "dev-$type" "dev-$type")" refused
		check "for its key" poll_until 5 refused_with cert-weak
	done
done
is "a group that is not in the list is refused" \
	"$(attempt openssl 1.3 8884 dev-p384 dev-p384 -groups X25519:P-384)" refused
is "a cipher that is not, in TLS 1.3" \
	"$(attempt openssl 1.3 8884 dev-p384 dev-p384 -ciphersuites TLS_AES_256_GCM_SHA384)" refused
is "and in TLS 1.2" "$(attempt openssl 1.2 8884 dev-p384 dev-p384 \
	-cipher ECDHE-ECDSA-AES256-GCM-SHA384)" refused
is "what is in the lists was agreed on" "$(seen dev-p384 '"\(.group) \(.cipher)"')" \
	"P-256 TLS_AES_128_GCM_SHA256"
chacha=(-ciphersuites TLS_CHACHA20_POLY1305_SHA256 -groups P-256)
is "a class may use ChaCha20 and P-256" "$(attempt openssl 1.3 8885 sensor-1 sensor-1 \
	"${chacha[@]}")" accepted
is "others may not" "$(attempt openssl 1.3 8885 pump-1 pump-1 "${chacha[@]}")" refused
check "and are told of" poll_until 5 refused_with tls-policy
is "nor may they take one of the two" "$(attempt openssl 1.3 8885 pump-1 pump-1 -groups P-256)" \
	refused
is "the class may use nothing else" "$(attempt openssl 1.3 8885 sensor-1 sensor-1 \
	-groups X25519)" refused
is "others may use theirs" "$(attempt openssl 1.3 8885 pump-1 pump-1)" accepted
is "max_version 1.2 refuses 1.3" "$(attempt openssl 1.3 8886 pump-1 pump-1)" refused
is "and takes 1.2" "$(attempt openssl 1.2 8886 pump-1 pump-1)" accepted
is "a signature algorithm that is not in the list is refused" \
	"$(attempt openssl 1.2 8886 dev-rsa2048 dev-rsa2048)" refused
# The server's order counts, but who has no AES instructions puts ChaCha20 first, and is heard.
chacha12=ECDHE-ECDSA-CHACHA20-POLY1305
aes12=ECDHE-ECDSA-AES128-GCM-SHA256
# agreed VERSION FIRST SECOND: on what with a client that offers these two in this order
agreed() {
	local list=(-cipher "$2:$3")
	[ "$1" = 1.2 ] || list=(-ciphersuites "$2:$3")
	echo "$(attempt openssl "$1" 8883 pump-1 pump-1 "${list[@]}") $(seen pump-1 .cipher)"
}
chacha13=TLS_CHACHA20_POLY1305_SHA256
aes13=TLS_AES_128_GCM_SHA256
is "a client that puts ChaCha20 first gets it, TLS 1.3" "$(agreed 1.3 $chacha13 $aes13)" \
	"accepted $chacha13"
is "and in TLS 1.2" "$(agreed 1.2 $chacha12 $aes12)" "accepted $chacha12"
is "one that puts AES first gets that, TLS 1.3" "$(agreed 1.3 $aes13 $chacha13)" "accepted $aes13"
is "and in TLS 1.2" "$(agreed 1.2 $aes12 $chacha12)" "accepted $aes12"

# ---- identities, by every rule, from what mqgate pki issued

digest() {
	openssl x509 -in "$trial/devices/pump-1.pem" -noout -fingerprint -sha256 |
		sed 's/.*=//; s/://g' | tr A-F a-f
}
issuer_serial() {
	local serial
	serial=$(openssl x509 -in "$trial/devices/pump-1.pem" -noout -serial | sed 's/.*=//')
	/usr/bin/python3 - "$trial/devices/pump-1.pem" "${serial,,}" <<-'END'
	import hashlib, ssl, sys

	def element(der, at):
	    """Of DER: where the content begins, and where it ends."""
	    length, begin = der[at + 1], at + 2
	    if length & 128:
	        begin += length & 127
	        length = int.from_bytes(der[at + 2:begin], "big")
	    return begin, begin + length

	der = ssl.PEM_cert_to_DER_cert(open(sys.argv[1]).read().split("-----END")[0] +
	                               "-----END CERTIFICATE-----\n")
	at = element(der, element(der, 0)[0])[0]
	for _ in range(3):  # version, serialNumber, signature
	    at = element(der, at)[1]
	print(hashlib.sha256(der[at:element(der, at)[1]]).hexdigest() + "-" + sys.argv[2])
	END
}
port=8890
for identity in pump-1.example spiffe://plant/pump-1 pump-1@plant.example spiffe://plant/pump-1 \
	"$(digest)" "$(issuer_serial)"; do
	attempt openssl 1.3 $port any pump-1 > "$dir/said"
	is "port $port knows it as $identity" \
		"$(cat "$dir/said") $(mqgate -j identity list | jq -r '.[0].identity')" \
		"accepted $identity"
	port=$((port + 1))
done

# ---- revocation, inventory, metrics, status

issue cn pump-1 days 40 file pump-1.new
issue cn short-1 days 5
attempt openssl 1.3 8883 short-1 short-1 > "$dir/said"
is "expires 30d finds who ends next month" \
	"$(mqgate -j identity list expires 30d | jq -r '.[].identity')" short-1
issue cn short-1 days 300 file short-1.new
attempt openssl 1.3 8883 short-1 short-1.new > "$dir/said"
is "and not who was renewed since" "$(mqgate -j identity list expires 30d | jq length)" 0
is "weak finds what has outlived its cryptography" \
	"$(mqgate -j identity list weak | jq -r '.[] | "\(.identity): \(.weak[0])"')" \
	"dev-rsa2048: RSA below 3072 bits"
issue cn short-2 days 6
attempt openssl 1.3 8883 short-2 short-2 > "$dir/said"
is "both together find what needs another for either reason" \
	"$(mqgate -j identity list expires 30d weak | jq -r '[.[].identity] | join(" ")')" \
	"short-2 dev-rsa2048"
contains "a number without a unit is refused" "$(mqgate identity list expires 30 2>&1)" \
	'"expires" not understood; write expires 30d'
contains "for people, too" "$(mqgate identity list weak)" "weak: RSA below 3072 bits"
# again OPTION FILE: a handshake of TLS 1.2 and nothing else.
again() {
	in_ns gw openssl s_client -connect 127.0.0.1:8883 -tls1_2 "$1" "$2" \
		-cert "$trial/devices/dev-p256.pem" -key "$trial/devices/dev-p256.key" \
		< /dev/null 2> /dev/null
}
again -sess_out "$dir/session.pem" > /dev/null
contains "a session is resumed by its ticket" "$(again -sess_in "$dir/session.pem")" \
	"Reused, TLSv1.2"
resumed_once() {
	[ "$(seen dev-p256 .resumed)" = 1 ]
}
check "and the inventory says so" poll_until 10 resumed_once
is "and what the device signed with is still known" \
	"$(seen dev-p256 .handshake_signature)" id-ecPublicKey
metrics=$(in_ns gw curl -s http://127.0.0.1:9883/metrics)
check "the metrics are valid Prometheus text" /usr/bin/python3 ./promlint.py <<< "$metrics"
contains "they count keys" "$metrics" 'mqgate_certificates{key="rsa-2048"} 1'
contains "and what is weak" "$metrics" "mqgate_certificates_weak 1"
contains "and what was renewed" "$metrics" "mqgate_certificates_superseded 1"
refuse "and name nobody" grep -qE 'pump|sensor|plant' <<< "$metrics"
check "they count chains that were verified" grep -qE \
	'^mqgate_tls_chain_cache_misses_total\{listener="default"\} [1-9]' <<< "$metrics"
check "and handshakes that began" grep -qE '^mqgate_tls_handshakes_started_total [1-9]' \
	<<< "$metrics"
check "and handshakes" grep -qE \
	'^mqgate_tls_handshakes_total\{listener="default",kind="full"\} [1-9]' <<< "$metrics"
contains "and tickets that were declined" "$metrics" \
	'mqgate_tls_tickets_declined_total{listener="default",reason="revoked"} 0'
contains "and of identities whose newest certificate is known" "$metrics" \
	'mqgate_renewal_identities 0'
said=$(mqgate tls status)
contains "tls status tells the library" "$said" "OpenSSL $(openssl version | cut -d' ' -f2)"
contains "and why there is no kTLS" "$said" "kTLS        no: "
contains "and that sessions are resumed" "$said" "resumption  yes: by tickets"
contains "and how often, and why not" "$said" " 1 resumed; tickets declined: key 0 policy 0 age 0"
contains "and the chains that are remembered" "$said" "16384 a worker at most, for 1h"
contains "and who may begin" "$said" "0 under way (of 2000), 0 wait (of 4000; 0 known)"
is "and what was agreed on" "$(mqgate -j tls status | jq '.in_use.keys["RSA"]')" 1

mqgate pki revoke "$trial" lost-1 > "$dir/said"
stop "$mqgated_pid"
check "mqgated starts with the next revocation list" mqgated_start gw "$dir/policy.yaml"
for version in 1.2 1.3; do
	is "a revoked device is refused, TLS $version" \
		"$(attempt openssl $version 8883 lost-1 lost-1)" refused
	check "for that" poll_until 5 refused_with cert-revoked
done
is "the others are not" "$(attempt openssl 1.3 8883 pump-1 pump-1)" accepted

# ---- a processor without AES instructions, or one that OpenSSL takes for that

case $(uname -m) in
x86_64)		without='OPENSSL_ia32cap=~0x200000200000000' ;;
aarch64)	without=OPENSSL_armcap=0 ;;
*)		without= ;;
esac
if [ -n "$without" ]; then
	contains "tls status tells the processor's features" "$(mqgate tls status)" "CPU         "
	stop "$mqgated_pid"
	check "mqgated starts where AES is slow" mqgated_start gw "$dir/policy.yaml" "$without"
	contains "it knows" "$(mqgate tls status)" "AES in CPU  no"
	is "and prefers ChaCha20 itself, TLS 1.3" "$(agreed 1.3 $aes13 $chacha13)" \
		"accepted $chacha13"
	is "and in TLS 1.2" "$(agreed 1.2 $aes12 $chacha12)" "accepted $chacha12"
else
	for what in features start knows TLS-1.3 TLS-1.2; do
		skip "without AES: $what" "not known how to take them away on $(uname -m)"
	done
fi
finish
