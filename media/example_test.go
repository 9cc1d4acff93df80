package media_test

import (
	"encoding/hex"
	"fmt"

	"github.com/millrace/millrace/media"
)

func ExampleNewTrack() {
	private, _ := hex.DecodeString("0142c028ffe100196742c028da01e0089f970110000003001000000303c0f1832a01000468ce0fc8")
	track, err := media.NewTrack(1, "V_MPEG4/ISO/AVC", private)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(track.Type, track.Codec, track.Width, track.Height, track.DefaultDuration)
	p, _ := track.Parameters()
	fmt.Println(p.CodecString, p.LengthSize)
	// Output:
	// video avc 1920 1080 33.333333ms
	// avc1.42c028 4
}

func ExampleAVCConfigFromAnnexB() {
	// A key frame as an encoder gives it: SPS, PPS and IDR picture behind start codes.
	frame, _ := hex.DecodeString("000000016742c028da01e0089f970110000003001000000303c0f1832a" + "0000000168ce0fc8" + "0000000165888400")
	config, err := media.AVCConfigFromAnnexB(frame)
	if err != nil {
		fmt.Println(err)
		return
	}
	private, _ := config.Append(nil)
	payload, _ := media.AppendLengthPrefixed(nil, frame)
	fmt.Println(len(private), config.CodecString(), media.CleanLengthPrefixed(payload, config.LengthSize))
	// Output: 40 avc1.42c028 true
}

func ExampleInspect() {
	idr := []byte{0, 0, 0, 2, 0x65, 0x88}
	fmt.Printf("%+v\n", media.Inspect(media.AVC, idr, 4))
	// Output: {Clean:true Key:true ParameterSets:false}
}

func ExampleScanner() {
	var s media.Scanner
	s.Reset(media.AVC, 4)
	for _, piece := range [][]byte{{0, 0, 0}, {2, 0x65}, {0x88}} { // as a socket hands it over
		s.Feed(piece)
	}
	fmt.Println(s.Result().Clean, s.Result().Key)
	// Output: true true
}

func ExampleAACConfig() {
	config := media.AACConfig{ObjectType: 2, SampleRate: 48000, ChannelConfig: 2}
	private, err := config.Append(nil)
	fmt.Printf("%x %s %v\n", private, config.CodecString(), err)
	// Output: 1190 mp4a.40.2 <nil>
}

func ExampleNewG711() {
	format, err := media.NewG711(media.ALaw, 8000, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	private, _ := format.Append(nil)
	fmt.Println(media.DetectCodec("A_MS/ACM", private))
	// Output: alaw
}
