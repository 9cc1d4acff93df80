// Package media describes encoded media without regard to its container: the
// tracks of a stream, their frames, and the codec private data that a decoder
// needs before the first of them.
//
// It promises to read codec private data and parameter sets of H.264, H.265,
// AV1, AAC, Opus, G.711, PCM and MJPEG, to write those that a producer has to
// make, and to answer the few questions about a frame that can be answered
// without decoding it: whether it is a key frame, whether its NAL units are
// well framed, whether it carries parameter sets. Parsed values alias their
// input unless a function says otherwise; nothing is kept between calls, so
// every function may be called from any number of goroutines at once.
//
// It refuses to decode pictures or sound, to know a container, and to trust a
// declared length: bad input ends in an error, never in a panic nor in memory out
// of proportion to what was really there. Every error wraps one of
// [ErrTruncated], [ErrInvalid], [ErrMissing], [ErrUnsupported] and [ErrLimit];
// those about codec data are [*SyntaxError] and name the part.
//
// # NAL units
//
// H.264 and H.265 frames are sequences of NAL units, framed in one of two ways:
//
//	length-prefixed   length(1|2|4 bytes, big endian) unit …   Matroska and MP4
//	Annex B           00 00 01 unit …, more zeros allowed      TS, RTSP, raw files
//
// The first form is hopped over in a handful of reads per frame
// ([CleanLengthPrefixed], [Scanner]); the second has to be searched byte by byte
// ([AnnexBUnits]).
package media
