package pipedrive

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"

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

// packRecord gives nil for what cannot be packed: it is looked up instead.
func packRecord(r api.Record) []byte {
	packed, err := pack(func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
	if err != nil {
		return nil
	}
	return packed
}

func unpackRecord(packed []byte) (r api.Record) {
	err := unpack(packed, func(from io.Reader) error {
		d := json.NewDecoder(from)
		d.UseNumber()
		return d.Decode(&r)
	})
	if err != nil {
		return nil
	}
	return r
}
