// Package prom shows the streams of a producer to Prometheus. A Collector is
// registered once and asks the streams for their counts at each scrape; it costs
// nothing in between. Names and units follow Prometheus' conventions, the label
// "stream" is the stream's name, and no more names than Options.MaxStreams have
// series, so that a gateway of many cameras cannot flood a server. What each
// metric means is in docs/reference/producer.md.
//
// It refuses to serve HTTP and to register itself. Counts go with their stream: one
// that was closed has no series any more, and one that is opened again begins at
// zero, as Prometheus expects of a restart.
package prom
