// Package decode turns frames of a consumer into pictures and samples: those of
// H.264, H.265, AV1, VP8, VP9 and whatever else FFmpeg knows by a child process,
// JPEG and PNG by the standard library, PCM and G.711 by arithmetic.
//
//	decoder := decode.New(decode.Options{})
//	defer decoder.Close()
//	for picture, err := range decode.Pictures(ctx, decoder, reader.Frames(ctx)) {
//		…
//	}
//
// The package promises:
//
//	D1: a picture has the times, the fragment and the index of the frame that it
//	    was decoded from, however the decoder reorders, and whatever it drops.
//	D2: nothing waits for ever: who reads no pictures is told so, and a context
//	    that ends ends the child with it.
//	D3: memory is bounded: so many frames wait to be decoded, and so many
//	    pictures to be taken.
//	D4: Close leaves no process and no goroutine behind.
//	D5: a child that dies is an error that has its last words; Configure begins anew.
//
// It refuses to link a codec: without FFmpeg 5.1 or later on the machine, what
// needs it is ErrNoFFmpeg, and all else works. FFmpeg runs as the user that the
// program runs as, over media that strangers may have sent; who minds that sets
// Options.Path to something that locks it in.
package decode
