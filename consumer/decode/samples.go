package decode

import (
	"fmt"
	"image"
	"io"
)

// A decoded is a picture as the child gives it.
type decoded struct {
	at    int64
	image image.Image
}

// readPictures reads the samples of the pictures that heads announce. It closes
// pictures when there are no more. Where the child ends in the middle, what it has
// to say is still on its way, so heads is read to its end.
func readPictures(r io.Reader, o Options, heads <-chan shown, pictures chan<- decoded, ended <-chan struct{}) error {
	defer close(pictures)
	for head := range heads {
		if err := head.checked(o.maxPixels()); err != nil {
			return err
		}
		img, samples := newImage(o.Colours, head.width, head.height)
		if _, err := io.ReadFull(r, samples); err != nil {
			for range heads {
			}
			return fmt.Errorf("read picture: %w", err)
		}
		select {
		case pictures <- decoded{head.at, img}:
		case <-ended:
			return nil
		}
	}
	return nil
}

// newImage returns an image and its samples, in the order in which raw video has
// them.
func newImage(c Colours, width, height int) (image.Image, []byte) {
	bounds := image.Rect(0, 0, width, height)
	if c == RGBA {
		img := &image.RGBA{Pix: make([]byte, 4*width*height), Stride: 4 * width, Rect: bounds}
		return img, img.Pix
	}
	chroma := (width + 1) / 2
	luma, quarter := width*height, chroma*((height+1)/2)
	all := make([]byte, luma+2*quarter)
	return &image.YCbCr{
		Y: all[:luma:luma], Cb: all[luma : luma+quarter : luma+quarter], Cr: all[luma+quarter:],
		YStride: width, CStride: chroma, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: bounds,
	}, all
}
