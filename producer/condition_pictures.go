package producer

import "github.com/millrace/millrace/media"

// declarePictures prepares for VP8, VP9, JPEG and PNG, whose frames tell the size
// of the picture where the declaration does not.
func (c *conditioner) declarePictures() error {
	t := &c.now
	if len(t.Private) == 0 && (t.Codec == media.VP8 || t.Codec == media.VP9) {
		t.CodecID = t.Codec.CodecID()
	}
	if t.CodecID == "V_MS/VFW/FOURCC" && len(t.Private) > 0 {
		p, err := t.Parameters()
		if err != nil {
			return c.privateError(err)
		}
		if t.Width != 0 && (t.Width != p.Width || t.Height != p.Height) {
			return c.contradicts("picture size")
		}
		t.Width, t.Height = p.Width, p.Height
	}
	c.shape = pictures{}
	if t.Width > 0 {
		return c.size(t.Width, t.Height)
	}
	return nil
}

// size declares the track with pictures of that size.
func (c *conditioner) size(width, height int) error {
	c.now.Width, c.now.Height, c.known = width, height, true
	if c.now.CodecID != "V_MS/VFW/FOURCC" || len(c.now.Private) > 0 {
		return nil
	}
	m := media.NewMJPEG(int32(width), int32(height))
	if c.now.Codec == media.PNG {
		m = media.NewPNG(int32(width), int32(height))
	}
	private, err := m.Append(nil)
	c.now.Private = private
	return err
}

// resize declares a track that was known with pictures of another size, which
// its private data may repeat.
func (c *conditioner) resize(width, height int) error {
	c.now.Width, c.now.Height = width, height
	if c.now.CodecID != "V_MS/VFW/FOURCC" {
		return nil
	}
	m, err := media.ParseBitmapInfo(c.now.Private)
	if err != nil {
		return err
	}
	m.Width, m.Height, m.ImageSize = int32(width), int32(height), 0
	c.now.Private, err = m.Append(nil)
	return err
}

// pictures is for codecs whose frames are sent as they are.
type pictures struct{}

func (pictures) shape(c *conditioner, _ []byte, f media.Frame) (conditioned, error) {
	codec := c.now.Codec
	if !media.IsPicture(codec, f.Data) {
		return conditioned{}, refuse(f, 0, "start of "+codec.String(), ErrBadFrame)
	}
	out := conditioned{Payload: f.Data, Key: media.Inspect(codec, f.Data, 0).Key, Discardable: f.Discardable}
	if !c.known && !out.Key {
		return conditioned{}, refuse(f, 0, "key frame", ErrNeedKeyFrame)
	}
	if f.Key && !out.Key {
		out.Notice = c.notice(oddKey, ErrNotKey)
	}
	coded := codec == media.VP8 || codec == media.VP9
	if c.known && !(coded && out.Key) {
		return out, nil // stills may be of any size
	}
	width, height, ok := media.PictureSize(codec, f.Data)
	switch {
	case ok && c.known:
		out.Changed = width != c.now.Width || height != c.now.Height
		if out.Changed {
			return out, c.resize(width, height)
		}
	case ok:
		return out, c.size(width, height)
	case !c.known || coded:
		return conditioned{}, refuse(f, 0, "picture size", ErrBadFrame)
	}
	return out, nil
}
