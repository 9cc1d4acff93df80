// Package trace sends spans of calls to an OpenTelemetry collector, by OTLP over
// HTTP.
//
// It promises that no call waits for the collector: what that does not take in
// time is dropped. Spans hold names, codes and ids and refuse everything else,
// so that no secret, signature or body gets there. A trace that the client has
// begun, by a traceparent header, goes on.
package trace
