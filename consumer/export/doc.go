// Package export writes the fragments that a consumer reads to files and pipes:
// as one Matroska document, MP4, a transport stream, bare pictures or sound, as
// the bytes that the server sent, or as a line of JSON for each fragment and
// frame.
//
//	w, err := export.New(file, export.Options{Container: export.ContainerMP4})
//	…
//	for f, err := range reader.Fragments(ctx) {
//		…
//		if err := w.WriteFragment(f); err != nil {
//			return err
//		}
//	}
//	return w.Close()
//
// Files does the same for as many files as it takes, and Pipe for another program.
//
// The package promises:
//
//	X1: frames are the producer's, in the order in which they came; none is coded
//	    anew, and none is left out without a word (Events, or an error). Those that a
//	    producer sent a second time are written once.
//	X2: an output begins with time 0, and its times never go back, whatever the
//	    producers did. What became of a fragment that was to go back is said.
//	X3: what a container cannot carry is a *TrackError before anything was written.
//	X4: where the container allows it, a frame is written as soon as it was read,
//	    in one write, so that a player at the other end of a pipe is as live as
//	    the reader.
//	X5: a file is whole when Close returned without an error, and not before.
//
// It refuses to guess: where the tracks change, and one output could no longer
// describe them, it says so with ErrTracksChanged before it has read anything of
// the new fragment.
//
// # Crashes
//
// X5 in detail, for a process that ends without Close; the frames written before
// are meant, as far as they have left the process and the system's memory. Live
// Matroska, fragmented MP4, transport streams, JSON and what has no container can
// be read up to the last whole frame or fragment. A Matroska file can be played up
// to its last Cluster and not sought in. A WAV file has the sizes of an endless
// one. An MP4 file that is not fragmented is nothing without its tables, which
// Close writes, and with FastStart one that is cut down while Close moves the media
// is lost as well: who cannot read the media again writes parts (Options.Length),
// or Live.
package export
