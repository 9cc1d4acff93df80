package decode_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// What a frame for the program that stands in for FFmpeg asks of it. What follows
// the first byte is what the picture is filled with.
const (
	show   = 'p' // its picture, and before it those that were held
	hold   = 'h' // its picture with the next one that is shown, in order of time
	lose   = 'd' // no picture
	die    = 'x' // the end of the program, with words
	cut    = 'c' // half a picture, and the end
	deafen = 'z' // nothing any more, for ever
	huge   = 'w' // a picture that nobody can hold
	leave  = 'l' // the end of the program as if all were well
)

const (
	wide, high  = 6, 3
	pictureSize = wide*high + 2*3*2 // of 4:2:0
)

type standInPicture struct {
	at    int64
	value byte
}

// standIn reads frames and writes pictures as FFmpeg does. It returns the
// process's status.
func standIn() int {
	fmt.Fprintln(os.Stderr, "[info] Input #0, matroska, from 'pipe:0':")
	s := &scriptedChild{}
	r := mkv.NewReader(os.Stdin, mkv.ReaderOptions{})
	var cluster uint64
	for {
		e, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "[error] bad input:", err)
				return 9
			}
			s.showHeld()
			return 0
		}
		switch e.ID {
		case mkv.IDTimecode:
			cluster, _ = mkv.ParseUint(e.Data())
		case mkv.IDSimpleBlock:
			b, _ := mkv.ParseBlock(e.Data())
			if ended, status := s.frame(int64(cluster)+int64(b.RelTime), b.Payload); ended {
				return status
			}
		}
	}
}

type scriptedChild struct{ held []standInPicture }

func (s *scriptedChild) frame(at int64, data []byte) (ended bool, status int) {
	switch p := (standInPicture{at, data[1]}); data[0] {
	case show:
		s.held = append(s.held, p)
		s.showHeld()
	case hold:
		s.held = append(s.held, p)
	case die:
		for n := range 10 {
			fmt.Fprintf(os.Stderr, "[error] complaint %d\n", n)
		}
		return true, 3
	case cut:
		announce(at, wide, high)
		os.Stdout.Write(make([]byte, pictureSize/2))
		fmt.Fprintln(os.Stderr, "[fatal] cut short")
		return true, 4
	case deafen:
		time.Sleep(time.Hour)
	case huge:
		announce(at, 60_000, 60_000)
		time.Sleep(time.Hour)
	case leave:
		return true, 0
	}
	return false, 0
}

func (s *scriptedChild) showHeld() {
	for len(s.held) > 0 {
		first := 0
		for i, p := range s.held {
			if p.at < s.held[first].at {
				first = i
			}
		}
		announce(s.held[first].at, wide, high)
		os.Stdout.Write(bytes.Repeat([]byte{s.held[first].value}, pictureSize))
		s.held = append(s.held[:first], s.held[first+1:]...)
	}
}

func announce(at int64, width, height int) {
	fmt.Fprintf(os.Stderr, "[Parsed_showinfo_1 @ 0x55d0] [info] n:   0 pts:%7d pts_time:%-7d pos:      541 fmt:yuv420p sar:1/1 s:%dx%d i:P iskey:1 type:I \n", at, at, width, height)
}

// scripted returns a decoder whose child is the program above, configured.
func scripted(t *testing.T, o decode.Options) *decode.FFmpeg {
	t.Helper()
	t.Setenv(asFFmpeg, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a child that ends waits for a second else
	o.Path, o.Colours = os.Args[0], decode.Coded
	d, err := decode.NewFFmpeg(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Configure(track()); err != nil {
		t.Fatal(err)
	}
	return d
}

func track() media.Track {
	return media.Track{Number: 1, Type: media.Video, CodecID: "V_TEST"}
}

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// fragmentNumber is that of all frames here.
func fragmentNumber() millrace.FragmentNumber { return millrace.NewFragmentNumber(7, noon(), 1) }

// frame is a frame at so many milliseconds that asks for do. Its picture is full
// of its index.
func frame(index, ms int, do byte) consumer.Frame {
	pts := time.Duration(ms) * time.Millisecond
	return consumer.Frame{
		Frame: media.Frame{Track: 1, PTS: pts, Key: index == 0, Data: []byte{do, byte(index)}},
		Time:  noon().Add(pts), ServerTime: noon().Add(time.Second), Index: index,
		Fragment: &consumer.Fragment{Number: fragmentNumber()},
	}
}
