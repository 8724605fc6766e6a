# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A small public key infrastructure for tests: P-256 everywhere, made by openssl in a directory of
# the caller's. Every function takes that directory first and leaves NAME.pem and NAME.key in it.
#
#	pki_init DIR			ca.pem, ca.key, crl.pem (empty)
#	pki_server DIR NAME SAN...	server certificate; SAN as DNS:name or IP:address
#	pki_device DIR CN [NAME]	client certificate
#	pki_expired DIR CN [NAME]	the same, expired yesterday
#	pki_future DIR CN [NAME]	the same, valid from tomorrow
#	pki_purpose DIR CN [NAME]	the same, but for servers only
#	pki_stranger DIR CN [NAME]	the same, by another CA (other-ca.pem)
#	pki_middle DIR NAME		a CA below it, in DIR/NAME.ca
#	pki_revoke DIR NAME		revokes it and writes crl.pem anew
#	pki_crl DIR [DAYS]		writes crl.pem anew; DAYS 0: already out of date

pki_config() {
	cat > "$1/ca.cnf" <<-END
	[ca]
	default_ca = here
	[here]
	dir = $1
	database = $1/index.txt
	new_certs_dir = $1/issued
	serial = $1/serial
	crlnumber = $1/crlnumber
	default_md = sha256
	policy = any
	unique_subject = no
	default_days = 30
	default_crl_days = 30
	[any]
	commonName = optional
	organizationName = optional
	[req]
	distinguished_name = none
	prompt = no
	[none]
	[ca_ext]
	basicConstraints = critical,CA:true
	keyUsage = critical,keyCertSign,cRLSign
	subjectKeyIdentifier = hash
	[client_ext]
	basicConstraints = CA:false
	keyUsage = critical,digitalSignature
	extendedKeyUsage = clientAuth
	authorityKeyIdentifier = keyid
	subjectAltName = \${ENV::PKI_SAN}
	[server_ext]
	basicConstraints = CA:false
	keyUsage = critical,digitalSignature
	extendedKeyUsage = serverAuth
	authorityKeyIdentifier = keyid
	subjectAltName = \${ENV::PKI_SAN}
	END
}

# pki_say COMMAND...: quiet unless it fails.
pki_say() {
	local said
	said=$("$@" 2>&1) && return 0
	printf '%s\n' "$said" >&2
	return 1
}

pki_init() {
	local dir=$1
	mkdir -p "$dir/issued" || return 1
	pki_config "$dir"
	: > "$dir/index.txt"
	echo 1000 > "$dir/serial"
	echo 01 > "$dir/crlnumber"
	PKI_SAN=DNS:none pki_say openssl req -x509 -config "$dir/ca.cnf" -extensions ca_ext \
		-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-subj "/O=mqgate test/CN=device CA" -keyout "$dir/ca.key" -out "$dir/ca.pem" &&
		pki_crl "$dir"
}

# pki_issue DIR NAME CN EXTENSIONS SAN [openssl ca ARGUMENT...]
pki_issue() {
	local dir=$1 name=$2 cn=$3 ext=$4
	export PKI_SAN=$5
	shift 5
	pki_say openssl req -new -config "$dir/ca.cnf" -newkey ec \
		-pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=mqgate test/CN=$cn" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" &&
		pki_say openssl ca -batch -notext -config "$dir/ca.cnf" -extensions "$ext" \
			-cert "$dir/ca.pem" -keyfile "$dir/ca.key" -in "$dir/$name.csr" \
			-out "$dir/$name.pem" "$@" &&
		rm -f "$dir/$name.csr"
}

pki_san_of() {
	echo "DNS:$1,URI:urn:mqgate:$1"
}

pki_server() {
	local dir=$1 name=$2 IFS=,
	shift 2
	pki_issue "$dir" "$name" "$name" server_ext "$*"
}

pki_device() {
	pki_issue "$1" "${3:-$2}" "$2" client_ext "$(pki_san_of "$2")"
}

pki_expired() {
	pki_issue "$1" "${3:-$2}" "$2" client_ext "$(pki_san_of "$2")" \
		-startdate "$(date -u -d '-10 days' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)"
}

pki_future() {
	pki_issue "$1" "${3:-$2}" "$2" client_ext "$(pki_san_of "$2")" \
		-startdate "$(date -u -d '+1 day' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d '+9 days' +%Y%m%d%H%M%SZ)"
}

pki_purpose() {
	pki_issue "$1" "${3:-$2}" "$2" server_ext "$(pki_san_of "$2")"
}

pki_stranger() {
	local dir=$1 name=${3:-$2}
	if [ ! -d "$dir/other" ]; then
		pki_init "$dir/other" && cp "$dir/other/ca.pem" "$dir/other-ca.pem" || return 1
	fi
	pki_device "$dir/other" "$2" "$name" &&
		mv "$dir/other/$name.pem" "$dir/other/$name.key" "$dir/"
}

pki_revoke() {
	PKI_SAN=DNS:none pki_say openssl ca -batch -config "$1/ca.cnf" -cert "$1/ca.pem" \
		-keyfile "$1/ca.key" -revoke "$1/$2.pem" &&
		pki_crl "$1"
}

pki_crl() {
	local when=(-crldays "${2:-30}")
	if [ "${2:-30}" = 0 ]; then
		when=(-crl_lastupdate "$(date -u -d '-2 days' +%Y%m%d%H%M%SZ)"
			-crl_nextupdate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)")
	fi
	PKI_SAN=DNS:none pki_say openssl ca -batch -config "$1/ca.cnf" -cert "$1/ca.pem" \
		-keyfile "$1/ca.key" -gencrl "${when[@]}" -out "$1/crl.pem"
}

# pki_middle DIR NAME: a CA of its own in DIR/NAME.ca, signed by DIR's. MIDDLE_ENDS: its notAfter.
pki_middle() {
	local dir=$1 own=$1/$2.ca
	local -a ends=()
	[ -z "${MIDDLE_ENDS:-}" ] || ends=(-enddate "$MIDDLE_ENDS")
	export PKI_SAN=DNS:none
	pki_init "$own" &&
		pki_say openssl req -new -config "$dir/ca.cnf" -key "$own/ca.key" \
			-subj "/CN=$2 CA" -out "$own/ca.csr" &&
		pki_say openssl ca -batch -notext -config "$dir/ca.cnf" -extensions ca_ext \
			-cert "$dir/ca.pem" -keyfile "$dir/ca.key" -in "$own/ca.csr" \
			-out "$own/ca.pem" "${ends[@]}"
}
