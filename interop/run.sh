#!/usr/bin/env bash
# Runs the interop suites: real clients against a real server.
#
# As root on Debian or Ubuntu it installs the clients that are missing; boto3
# with the aws command line, the SDK for JavaScript and the Java clients into
# environments of their own under ${XDG_CACHE_HOME:-~/.cache}/millrace.
# Elsewhere it runs what it can; what was skipped is listed at the end, and
# fails the run where MILLRACE_CI is set.
#
# seqsense's Go client cannot be had from every module proxy. Its suite has a
# build tag of its own, kvm, and runs where the module resolves, or where
# MILLRACE_INTEROP_MODFILE names a go.mod for this module that finds it. The
# consumer library for Python is in no registry: its suite, kvspy, runs where
# MILLRACE_INTEROP_KVSPY names a directory with its source.
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace

install_packages() {
	local missing=()
	command -v ffmpeg >/dev/null || missing+=(ffmpeg)
	command -v curl >/dev/null || missing+=(curl)
	command -v openssl >/dev/null || missing+=(openssl)
	command -v ip >/dev/null || missing+=(iproute2)
	command -v npm >/dev/null || missing+=(nodejs npm)
	command -v chromium >/dev/null || missing+=(chromium)
	command -v certutil >/dev/null || missing+=(libnss3-tools)
	[[ -e /usr/bin/aws ]] || missing+=(awscli)
	python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
	command -v mvn >/dev/null || missing+=(maven)
	command -v promtool >/dev/null || missing+=(prometheus)
	command -v nginx >/dev/null || missing+=(nginx-light)
	command -v mpv >/dev/null || missing+=(mpv)
	command -v mkvinfo >/dev/null || missing+=(mkvtoolnix)
	plays_with_gstreamer || missing+=(gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav)
	command -v javac >/dev/null || missing+=(default-jdk-headless)
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
	if ((${#missing[@]} == 0)); then
		return
	fi
	if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
		echo "interop: not installed here: ${missing[*]}"
		return
	fi
	echo "interop: installing ${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The elements stand in five packages.
plays_with_gstreamer() {
	local element
	for element in playbin souphttpsrc qtdemux hlsdemux tsdemux avdec_h264 checksumsink; do
		gst-inspect-1.0 --exists "$element" 2>/dev/null || return
	done
}

# Makes a Python environment from a list of requirements, after which it is
# named, so that a change makes a new one. Sets home, or leaves it empty.
make_python() {
	local requirements=$1 holds=$2
	home=
	python3 -c 'import venv, ensurepip' 2>/dev/null || return 0
	local made
	made=$cache/interop-python-$(cksum <"$requirements" | cut -d' ' -f1)
	if [[ ! -e $made/complete ]]; then
		echo "interop: installing $holds into $made"
		rm -rf "$made"
		if ! python3 -m venv "$made" || ! "$made/bin/pip" install --quiet --only-binary :all: --requirement "$requirements"; then
			echo "interop: $holds could not be installed"
			return 0
		fi
		touch "$made/complete"
	fi
	home=$made
}

install_python() {
	make_python python/requirements.txt "boto3, the aws command line and a store that speaks S3"
	export MILLRACE_INTEROP_PYTHON=$home
}

# As the Python one: named after the packages it holds.
install_javascript() {
	command -v npm >/dev/null || return 0
	local sum home
	sum=$(cksum <javascript/package-lock.json | cut -d' ' -f1)
	home=$cache/interop-javascript-$sum
	if [[ ! -e $home/complete ]]; then
		echo "interop: installing the SDK for JavaScript into $home"
		rm -rf "$home"
		mkdir -p "$home"
		cp javascript/package.json javascript/package-lock.json "$home"
		if ! npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
			echo "interop: the SDK for JavaScript could not be installed"
			return 0
		fi
		touch "$home/complete"
	fi
	export MILLRACE_INTEROP_JAVASCRIPT=$home
}

# The Java clients are named after what asks for them and what drives them.
install_java() {
	command -v mvn >/dev/null && command -v javac >/dev/null || return 0
	local sum home log=$cache/interop-java.log
	sum=$(find java -type f -not -path 'java/target/*' | LC_ALL=C sort | xargs cksum | cksum | cut -d' ' -f1)
	home=$cache/interop-java-$sum
	if [[ ! -e $home/complete ]]; then
		echo "interop: installing the Java clients into $home"
		rm -rf "$home"
		mkdir -p "$cache"
		if ! mvn --batch-mode --no-transfer-progress --file java/pom.xml -Dhome="$home" compile dependency:copy-dependencies >"$log" 2>&1; then
			echo "interop: the Java clients could not be installed: $(grep -m 1 'Failed to execute' "$log" || echo "see $log")"
			return 0
		fi
		touch "$home/complete"
	fi
	export MILLRACE_INTEROP_JAVA=$home
}

# Sets the tags and the module file of the run.
choose_kvm() {
	tags=interop
	modfile=${MILLRACE_INTEROP_MODFILE:-$cache/interop-kvm.mod}
	if [[ -z "${MILLRACE_INTEROP_MODFILE:-}" ]]; then
		mkdir -p "$cache"
		cp go.mod "$modfile"
		cp go.sum "${modfile%.mod}.sum"
		sed -i.bak "s|=> \.\.|=> $(cd .. && pwd)|" "$modfile"
		if ! go get -modfile="$modfile" github.com/seqsense/kinesisvideomanager/v2@v2.0.1 2>/dev/null; then
			echo "interop: seqsense/kinesisvideomanager cannot be had from this module proxy; its suite is left out"
			modfile=go.mod
			return
		fi
	fi
	tags=interop,kvm
}

# The clients of AWS that are written in C and C++ are in no registry. Their
# suites run against builds that the environment names; doc.go says how.
choose_builds() {
	local suite variable
	for suite in producerc:MILLRACE_INTEROP_PRODUCER_C kvssink:MILLRACE_INTEROP_KVSSINK; do
		variable=${suite#*:}
		if [[ -d "${!variable:-}" ]]; then
			tags+=,${suite%:*}
		else
			echo "interop: $variable names no directory; the suite ${suite%:*} is left out"
		fi
	done
}

# Adds a tag where the source of the consumer library for Python is at hand.
choose_kvspy() {
	if [[ -z "${MILLRACE_INTEROP_KVSPY:-}" ]]; then
		echo "interop: MILLRACE_INTEROP_KVSPY names no source of the consumer library for Python; its suite is left out"
		return
	fi
	make_python python/requirements-consumer.txt "what the consumer library for Python needs"
	export MILLRACE_INTEROP_KVSPY_ENV=$home
	tags=$tags,kvspy
}

install_packages
install_python
install_javascript
install_java
choose_kvm
choose_builds
choose_kvspy

mkdir -p ../.cache
go build -C ../tools -o ../.cache/gotest ./gotest
# What is written by packages that no client reaches from outside, what the
# producer library makes of the frames of real encoders, what is exported and decoded, and what
# other readers find in what the consumer library reads.
(cd .. && .cache/gotest -tags=interop -count=1 -timeout=10m -run='^TestOthers' "$@" ./internal/fmp4 ./producer ./consumer/export ./consumer/decode ./internal/server)
# The table of positions in a real database, and the guide's archiver with a real store.
for module in postgres s3; do
	(cd $module && ../../.cache/gotest -tags=interop -count=1 -timeout=5m "$@" ./...)
done
exec ../.cache/gotest -modfile="$modfile" -tags="$tags" -count=1 -timeout=25m -parallel=4 "$@" ./...
