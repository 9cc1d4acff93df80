// Package mkv reads and writes Matroska (and its subset WebM) as it travels
// over a wire: live, endless, of unknown size, in pieces of any length.
//
// The Reader walks the two levels that stream, Segment and Cluster, and hands
// over everything below them whole, as the bytes that came in. The parsers
// (ParseInfo, ParseTracks, ParseTags, ParseBlock and others) turn those bytes
// into values; the Append functions, the LiveWriter and the FileWriter go the
// other way. What the package does not understand it passes on unchanged.
//
// A body on the wire, and what a Reader says about it:
//
//	1A45DFA3 A3 …                  Whole  EBML          level 0
//	18538067 FF                    Start  Segment       level 0
//	  1549A966 4067 …              Whole  Info          level 1
//	  1654AE6B 10000064 …          Whole  Tracks        level 1
//	  1F43B675 FF                  Start  Cluster       level 1
//	    E7 88 …                    Whole  Timecode      level 2
//	    A3 … 81 0000 80 payload    Whole  SimpleBlock   level 2
//	                               End    Cluster       level 1
//	  1254C367 …                   Whole  Tags          level 1
//	                               End    Segment       level 0
//
// The package promises:
//
//	M1: the Raw bytes of all elements, joined, are the input up to Offset, but for
//	    what Resync passed over.
//	M2: the elements do not depend on how the source cuts its reads.
//	M3: an element is returned as soon as its last byte has been read.
//	M4: memory grows with bytes that came, never with a size that was declared.
//	M5: no input makes it panic, and every call makes progress or fails.
//
// It refuses ids of more than four bytes, sizes of more than eight, unknown
// sizes on anything but Segment and Cluster, children that overrun their
// parent, and elements above the Reader's limits. It does not verify CRC-32,
// does not decompress, does not know codecs, and looks for a place to go on after
// an error only when it is asked to, by Reader.Resync.
package mkv
