// Package fmp4 writes the frames of fragments as fragmented MP4: an init
// segment for each track, which says how to decode, and a media segment for
// each run of its samples, which says what and when.
//
// It promises that an init segment depends on nothing but the track, and a
// media segment on nothing but track, run and frames, save for the sequence
// number and the decode time that Segment.Head fills in; that what it writes
// is read alike by other people's software; and that payload is passed on by
// reference, never copied. Values are safe for any number of goroutines once
// they are made. It refuses frames that a reader could not take apart (see
// FrameError), codecs for which MP4 has no sample entry (ErrCodec), and any
// timing of its own: that is package timeline's.
//
// # Layout
//
//	init      ftyp moov(mvhd trak(tkhd mdia(mdhd hdlr minf(…stbl(stsd stts stsc stsz stco)))) mvex(trex))
//	segment   styp moof(mfhd traf(tfhd tfdt trun)) mdat
//
// A track has the number 1 in its own segments. There are no edit lists: a
// frame that is shown before it could be decoded in order has a negative
// composition offset instead, so that the first frame is shown at the segment's
// decode time and segments join without holes.
//
// # Parameter sets
//
// The sample entries avc1 and hvc1 say that parameter sets are in the entry
// alone. Of frames of H.264 and H.265 those units are left out that repeat a set
// of the codec private data, and those that mean nothing in MP4: access unit
// delimiters, filler and ends of sequence or stream. A set that the codec
// private data do not have stays where it is; Segment.Private says what they
// should be. Segment.WithSets is for players that take no second init segment.
package fmp4
