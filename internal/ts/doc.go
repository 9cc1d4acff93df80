// Package ts packages one fragment as a segment of an MPEG-2 transport stream:
// H.264 pictures, AAC sound, or both.
//
// It promises that a segment can be played without any other: the tables come
// first, every PID begins with a discontinuity and a continuity counter of 0,
// parameter sets stand before every IDR picture, and the clock is stated at
// least every 100 ms. It promises that the same arguments make the same bytes,
// and that two segments of one stream differ in nothing but their times: a
// segment is made once, with times from its fragment's start, and Rebase sets it
// into a session. It refuses other codecs, frames that are not what their track
// says, and to know playlists, sessions or wall clocks.
//
// # Layout
//
//	PAT                 PID 0, program 1
//	PMT                 PID 0x1000, clock on the pictures, without them on the sound
//	PES of a picture    PID 0x100, stream type 0x1B, length 0, one access unit:
//	                    delimiter, parameter sets if it is IDR, slices
//	PES of sound        PID 0x101, stream type 0x0F, ADTS frames of up to 100 ms
//	clock alone         where nothing on the PID of the clock comes for 100 ms
//	…                   in the order of decode times; both tables again before
//	                    further IDR pictures
//
// Packets are of 188 bytes. The adaptation field of each PID's first packet has
// the discontinuity indicator, that of a key frame's or of the first sound's
// first packet the random access indicator.
//
// # Clock
//
// Times are in ticks of 90 kHz, modulo 2^33, one second ahead of the timeline's
// so that none before a session's start is negative. A picture that is decoded
// at s and shown at p has the DTS s and the PTS p+D, sound at p the PTS p+D as
// well, and the PCR is a DTS less 0.7 s. D is the same for all of a stream (see
// Delay), so that sound and pictures stay together. A picture whose p+D is
// before its s, which no stream has that keeps to what it says of its order, is
// decoded earlier instead: PTS are never changed.
package ts
