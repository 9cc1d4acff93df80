package mkv

import "io"

// Header is what stands in front of the first Cluster.
type Header struct {
	EBML   EBML
	Info   Info
	Tracks []Track
	// RawTracks, where there is one, is written in the place of Tracks, which it
	// has to agree with: a whole Tracks element as it came, with what this package
	// has no name for.
	RawTracks []byte
}

// appendTracks appends the Tracks element.
func (h *Header) appendTracks(b []byte) []byte {
	if h.RawTracks != nil {
		return append(b, h.RawTracks...)
	}
	return AppendTracks(b, h.Tracks)
}

// LiveWriter writes one document whose Segment and Clusters are of unknown
// size, so that every element can leave at once.
//
// The order is WriteHeader, then any number of StartCluster, each with its
// WriteBlocks, and WriteTags before or between them. A call out of order is
// ErrOrder and writes nothing. An error of the underlying writer is returned
// wrapped, then again by every further call. There is nothing to close.
//
// A block is two writes, its head and then its payload, which is not copied:
// wrap a writer for which small writes are dear in a bufio.Writer and flush
// it after each block. A LiveWriter is not safe for concurrent use.
type LiveWriter struct {
	sink
	started bool
	cluster bool
	scratch []byte
}

// NewLiveWriter returns a LiveWriter on w. It writes nothing yet.
func NewLiveWriter(w io.Writer) *LiveWriter {
	return &LiveWriter{sink: sink{w: w}, scratch: make([]byte, 0, scratchSize)}
}

// WriteHeader writes EBML, the Segment's head, Info and Tracks, in one write.
func (w *LiveWriter) WriteHeader(h Header) error {
	if err := w.check("write header", !w.started); err != nil {
		return err
	}
	b := AppendEBML(nil, h.EBML)
	b = AppendUnknownSize(AppendID(b, IDSegment), 0)
	b = AppendInfo(b, h.Info)
	b = h.appendTracks(b)
	w.started = true
	return w.write("write header", b)
}

// StartCluster begins a Cluster, and thereby ends the one before.
func (w *LiveWriter) StartCluster(timecode uint64) error {
	if err := w.check("start cluster", w.started); err != nil {
		return err
	}
	b := AppendUnknownSize(AppendID(w.scratch, IDCluster), 0)
	b = AppendUint(b, IDTimecode, timecode)
	w.cluster = true
	return w.write("start cluster", b)
}

// WriteBlock writes a SimpleBlock into the open Cluster. rel counts from the
// Cluster's timecode.
func (w *LiveWriter) WriteBlock(track uint64, rel int16, flags BlockFlags, payload []byte) error {
	if err := w.check("write block", w.cluster); err != nil {
		return err
	}
	b := AppendSimpleBlockHeader(w.scratch, track, rel, flags, len(payload))
	if err := w.write("write block", b); err != nil {
		return err
	}
	return w.write("write block", payload)
}

// WriteVoid writes a Void with the given filling, which readers skip. It may
// stand inside a Cluster and does not end it.
func (w *LiveWriter) WriteVoid(filling []byte) error {
	if err := w.check("write void", w.started); err != nil {
		return err
	}
	return w.write("write void", AppendBytes(w.scratch, IDVoid, filling))
}

// WriteTags writes a Tags element, and thereby ends the open Cluster.
func (w *LiveWriter) WriteTags(tags []Tag) error {
	if err := w.check("write tags", w.started); err != nil {
		return err
	}
	w.cluster = false
	return w.write("write tags", AppendTags(nil, tags, 0))
}
