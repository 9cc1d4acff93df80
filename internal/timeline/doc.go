// Package timeline says when the frames of a stored fragment are decoded and
// shown, and for how long.
//
// Matroska carries one time for each frame, at which it is presented, and the
// frames stand in the order in which they are decoded. Everything that is made
// of fragments (playlists, segments, clips, files) needs decode times and
// durations besides, and they have to agree to the tick. So all of them ask
// here: a Format says what the tracks of a session are, a Run how the samples of
// one track of one fragment are timed, a Span the same in short.
//
// It promises that a result depends on nothing but its arguments, so that two
// who ask get the same answer at any time; that decode times strictly increase;
// and that the first frame to be shown is shown at the run's start. It needs a
// fragment's sample table and not its media, except where blocks hold several
// frames (see Unlace). It refuses to guess what no table tells: the sessions'
// clocks, anchors and gaps are its callers'.
//
// # Ticks
//
// Times are counted in ticks of a track's own timescale, from the fragment's
// start, which is the time of its Cluster: 90,000 a second for video, the rate
// of the coded samples for sound. Milliseconds are whole ticks of the first;
// nothing is made to fit a nominal frame rate.
//
// # Decode times
//
// With p the presentation times in decode order and s the same, sorted, frame i
// is decoded at s[i], and its composition offset is p[i]-s[i], which may be
// negative. Equal times are moved apart by one tick.
package timeline
