package producer

import "time"

// Stats counts what happened to a stream since it was opened. What was found in
// a spool counts as begun.
type Stats struct {
	State       State
	Frames      int64         // frames that Write took
	Refused     int64         // frames that Write refused for what is wrong with them
	Begun       int           // fragments begun
	Persisted   int           // fragments that are durable; for a stream without retention, received
	Rejected    int           // fragments that the server refused for good
	Dropped     int           // fragments that were given up for other reasons
	Withheld    int           // fragments that grew too old behind a closed gate
	Resent      int           // times that a fragment was sent again
	Connections int           // calls that were accepted
	Failures    int           // calls that broke or could not be made
	Sent        int64         // bytes of media written to connections, repeats included
	Buffered    int64         // bytes that are kept in memory now
	Spooled     int64         // bytes that are kept on the disk now
	Pending     int           // fragments that are kept now
	Backlog     time.Duration // media time between the oldest kept fragment and the newest
	EventsLost  int           // events that nobody was told of
	Latency     Latencies
}

// Latencies are how long the stages of a frame's way took lately: of the last
// 1,024 of each.
type Latencies struct {
	Wire       Quantiles // from Write to the connection
	Buffering  Quantiles // from the fragment's first byte on the connection to BUFFERING
	Persisting Quantiles // from the fragment's end to PERSISTED
}

// Quantiles are some of a distribution; zero where nothing is known.
type Quantiles struct{ P50, P99, Max time.Duration }
