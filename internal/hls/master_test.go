package hls_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

// TestMaster has a case for each thing that is said of master playlists.
func TestMaster(t *testing.T) {
	full := hls.Master{
		Token: "TOK~", Codecs: []string{"avc1.42c032", "mp4a.40.2"}, Width: 2592, Height: 1944,
		FrameRate: 15_010, Bandwidth: 2_583_047, Channels: 1,
	}
	const head = "#EXTM3U\n#EXT-X-VERSION:1\n"
	const address = "\ngetHLSMediaPlaylist.m3u8?SessionToken=TOK~&TrackNumber=1\n"
	for _, c := range []struct {
		name string
		make func(m *hls.Master)
		want string
	}{
		{
			"sound is a rendition of its own, without FORCED", func(*hls.Master) {},
			head + `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",AUTOSELECT=YES,DEFAULT=YES,CHANNELS="1",URI="getHLSMediaPlaylist.m3u8?SessionToken=TOK~&TrackNumber=2"` +
				"\n" + `#EXT-X-STREAM-INF:CODECS="avc1.42c032,mp4a.40.2",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047,AUDIO="audio"` + address,
		},
		{
			"a picture alone is one variant", func(m *hls.Master) { m.Codecs = m.Codecs[:1] },
			head + `#EXT-X-STREAM-INF:CODECS="avc1.42c032",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047` + address,
		},
		{
			"in MPEG-TS there is one variant of both", func(m *hls.Master) { m.Container = hls.MPEGTS },
			head + `#EXT-X-STREAM-INF:CODECS="avc1.42c032,mp4a.40.2",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047` + address,
		},
		{
			"sound alone is track 1, and says nothing of a picture", func(m *hls.Master) { m.Codecs, m.Width, m.Height = []string{"mp4a.40.2"}, 0, 0 },
			head + `#EXT-X-STREAM-INF:CODECS="mp4a.40.2",BANDWIDTH=2583047` + address,
		},
		{
			"channels that are not known are not said", func(m *hls.Master) { m.Channels = 0 },
			head + `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",AUTOSELECT=YES,DEFAULT=YES,URI="getHLSMediaPlaylist.m3u8?SessionToken=TOK~&TrackNumber=2"` +
				"\n" + `#EXT-X-STREAM-INF:CODECS="avc1.42c032,mp4a.40.2",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047,AUDIO="audio"` + address,
		},
		{
			"a codec without a name leaves all of them out", func(m *hls.Master) { m.Codecs = []string{""} },
			head + `#EXT-X-STREAM-INF:RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047` + address,
		},
		{
			"frame rates have two decimals or three", func(m *hls.Master) { m.Codecs, m.FrameRate = m.Codecs[:1], 23_976 },
			head + `#EXT-X-STREAM-INF:CODECS="avc1.42c032",RESOLUTION=2592x1944,FRAME-RATE=23.976,BANDWIDTH=2583047` + address,
		},
		{
			"a whole frame rate as well, and a bandwidth there always is", func(m *hls.Master) { m.Codecs, m.FrameRate, m.Bandwidth = m.Codecs[:1], 30_000, 0 },
			head + `#EXT-X-STREAM-INF:CODECS="avc1.42c032",RESOLUTION=2592x1944,FRAME-RATE=30.00,BANDWIDTH=1` + address,
		},
		{
			"sound that many players lack is left out of a second variant",
			func(m *hls.Master) { m.Codecs, m.Silent = []string{"avc1.42c032", "alaw"}, 2_000_000 },
			head + `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",AUTOSELECT=YES,DEFAULT=YES,CHANNELS="1",URI="getHLSMediaPlaylist.m3u8?SessionToken=TOK~&TrackNumber=2"` +
				"\n" + `#EXT-X-STREAM-INF:CODECS="avc1.42c032,alaw",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2583047,AUDIO="audio"` + address +
				`#EXT-X-STREAM-INF:CODECS="avc1.42c032",RESOLUTION=2592x1944,FRAME-RATE=15.01,BANDWIDTH=2000000` + address,
		},
		{
			"what could not be measured is not said", func(m *hls.Master) { m.Codecs, m.FrameRate = m.Codecs[:1], 0 },
			head + `#EXT-X-STREAM-INF:CODECS="avc1.42c032",RESOLUTION=2592x1944,BANDWIDTH=2583047` + address,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := full
			c.make(&m)
			if got := string(m.Append(nil)); got != c.want {
				t.Errorf("\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	one, two := pair(1, after(0), 0, 0), pair(2, after(2), 0, 0)
	one.Tracks[0].Span.Bytes, one.Tracks[1].Span.Bytes = 200_000, 25_000 // 900,000 bits a second, 800,000 of them the picture
	two.Tracks[0].Span.Bytes, two.Tracks[1].Span.Bytes = 100_000, 25_000
	one.Tracks[0].Span.Samples, two.Tracks[0].Span.Samples = 30, 31
	m := hls.Measure([]hls.Facts{one, two})
	if m.Bandwidth != 990_000 || m.First != 880_000 {
		t.Errorf("the peak and a tenth is %d, of the picture %d", m.Bandwidth, m.First)
	}
	if m.FrameRate != 15_250 {
		t.Errorf("the frame rate is %d", m.FrameRate)
	}
	if m = hls.Measure(nil); m != (hls.Measurement{}) {
		t.Errorf("of nothing: %+v", m)
	}
	day := make([]hls.Facts, 43_200)
	for i := range day {
		day[i] = fragment(i+1, epoch, 2*time.Second, picture(0))
	}
	if m = hls.Measure(day); m.FrameRate != 25_000 {
		t.Errorf("the frame rate of a day is %d", m.FrameRate)
	}
}
