// Package interop holds no code; its tests run other people's clients against
// a real server: the SDKs of AWS, the aws command line, curl, ffmpeg, and a
// Go client for this very service.
//
// The tests stand behind the build tag interop and are started by run.sh,
// which installs what they need where it may. They build the binary as it is
// released, start it on a free port with an empty data directory and a known
// root key, and speak to it over TCP alone; nothing of Millrace is linked in.
// When they and the unit tests disagree, they win. They refuse to patch a
// client: what has to be set to make one work is what a user would have to
// set, and it stands in docs/compatibility.md.
//
// The producer SDK for C and kvssink, the sink of the producer SDK for C++,
// are in no registry, and nothing here makes them. Who has built them, as their
// own instructions say, names the builds: MILLRACE_INTEROP_PRODUCER_C is the
// directory of the samples of the SDK for C, within its source tree, because
// the frames that they send are in ../samples; MILLRACE_INTEROP_KVSSINK is the
// directory of the plugin, which also wants gst-launch-1.0 and GStreamer's
// plugin sets base, good, bad, ugly and libav. Each has a build tag of its own,
// producerc and kvssink, which run.sh sets where the variable names a directory.
package interop
