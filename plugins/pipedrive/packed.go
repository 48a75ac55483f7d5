package pipedrive

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"connector/plugins/pipedrive/api"
)

// What is kept for long is packed. The packers themselves are large, and used again.

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // never: the level is one that there is
	}
	return w
}}

var unpackers = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// pack gives what write writes, packed.
func pack(write func(io.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	if err := write(w); err != nil {
		return nil, err
	}
	err := w.Close()
	return bytes.Clone(b.Bytes()), err
}

// unpack reads what was packed.
func unpack(packed []byte, read func(io.Reader) error) error {
	r := unpackers.Get().(io.ReadCloser)
	defer unpackers.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(packed), nil); err != nil {
		return err
	}
	return read(r)
}

// packWindow is how far back a packer looks, in bytes. It keeps twice as much.
const packWindow = 64 << 10

// recordPacker packs records of one kind. They share most of their texts, above all the names of their fields, so
// that the first one is the dictionary of all: the others take a third of what they take by themselves.
type recordPacker struct {
	first  sync.Once
	zipper *zstd.Encoder
	opener *zstd.Decoder
}

// pack gives nil for what cannot be packed: it is looked up instead.
func (p *recordPacker) pack(r api.Record) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		return nil
	}
	p.first.Do(func() {
		p.zipper, _ = zstd.NewWriter(nil, zstd.WithEncoderDictRaw(1, text), zstd.WithWindowSize(packWindow),
			zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		p.opener, _ = zstd.NewReader(nil, zstd.WithDecoderDictRaw(1, text), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	})
	if p.zipper == nil || p.opener == nil {
		return nil
	}
	return bytes.Clone(p.zipper.EncodeAll(text, nil))
}

// unpack gives nil for what cannot be unpacked.
func (p *recordPacker) unpack(packed []byte) (r api.Record) {
	text, err := p.opener.DecodeAll(packed, nil)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&r) != nil {
		return nil
	}
	return r
}
