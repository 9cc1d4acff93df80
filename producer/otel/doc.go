// Package otel shows the streams of a producer to OpenTelemetry. Register makes
// observable instruments, which ask the streams for their counts at each
// collection and cost nothing in between. The attribute "stream" is the stream's
// name, and no more names than Options.MaxStreams are observed, so that a gateway
// of many cameras cannot flood a backend. The package needs OpenTelemetry's API
// alone: which SDK collects, and where to, is the program's choice. What each
// metric means is in docs/reference/producer.md.
//
// It refuses to use the global provider, and to trace: what a stream does is not
// made of requests that somebody waits for.
package otel
