package bloblang_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHTMLText(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"two\nlines\r\n\r\nand a third": "two\nlines\nand a third",
		"R&amp;D &lt;3 &quot;caf&eacute;&quot;&nbsp;&#8364;5 &#x1F600;": `R&D <3 "café" €5 😀`,
		"a < b, 3 <4\nc":                                                  "a < b, 3 <4\nc",
		"<p>One</p><p>Two</p>":                                            "One\nTwo",
		"<p>One\n  and a\r\n half</p>":                                    "One and a half",
		"One<br>Two<br/>Three<BR />Four":                                  "One\nTwo\nThree\nFour",
		"<ul><li>One</li><li>Two</ul>after":                               "One\nTwo\nafter",
		"<div><br></div><div>One</div>":                                   "One",
		"<b>Call</b> <i>back</i>, s<u>oo</u>n":                            "Call back, soon",
		"<table><tr><td>1</td><td>2</td></tr><tr><th>3</th></tr></table>": "1 2\n3",
		"<a href=\"https://example.com\">link</a>":                        "link",
		"x<script>alert('<p>no</p>')</script>y<style>p{}</style>z":        "xyz",
		"x<SCRIPT src=a></SCRIPT>y":                                       "xy",
		"x<!-- <p>no</p> -->y<!doctype html>z":                            "xyz",
		"<html><head><title>no</title><body>yes":                          "yes",
		"x<template><template>no</template>no</template>y":                "xy",
		"x<script>never closed":                                           "x",
		"open <b tag":                                                     "open",
		"</p></div>stray":                                                 "stray",
		"<p onclick=\"x>y\">attribute</p>":                                "attribute",
		"&lt;b&gt;text that looks like a tag&lt;/b&gt;":                   "<b>text that looks like a tag</b>",
		"<p>&lt;script&gt;</p>":                                           "<script>",
		"😀<br>名前":                                                         "😀\n名前",
	} {
		assert.Equal(t, want, result(t, `root = this.html_text()`, in), "%q", in)
	}
	assert.Nil(t, result(t, `root = this.note.html_text(10)`, object{"note": nil}))
	assert.Nil(t, result(t, `root = this.note.html_text()`, object{}), "a record without a note")
}

func TestHTMLText_IsCutAtAWordAndNeverLongerThanAsked(t *testing.T) {
	const text = "Größe, Preis: alles klar. Undsoweiter"
	for most, want := range map[int]string{
		100: text, 37: text, 36: "Größe, Preis: alles klar…", 25: "Größe, Preis: alles…", 24: "Größe, Preis: alles…",
		14: "Größe, Preis…", 13: "Größe…", 12: "Größe…", 6: "Größe…", 5: "Größ…", 2: "G…", 1: "…",
	} {
		got := result(t, fmt.Sprintf(`root = this.html_text(%d)`, most), text).(string)
		assert.Equal(t, want, got, most)
		assert.LessOrEqual(t, len([]rune(got)), most)
	}
	assert.Equal(t, "one\ntwo…", result(t, `root = this.html_text(9)`, "<p>one</p><p>two</p><p>three</p>"))
	long := strings.Repeat("x", 5000)
	assert.Equal(t, long[:999]+"…", result(t, `root = this.html_text(1000)`, long))
}

func TestHTMLText_OfWhatIsNoTextFails(t *testing.T) {
	exec, err := bloblang.Parse(`root = this.html_text()`)
	require.NoError(t, err)
	_, err = exec.Query(7)
	require.Error(t, err)
	_, err = bloblang.Parse(`root = this.html_text(0)`)
	assert.ErrorContains(t, err, "max_length")
}
