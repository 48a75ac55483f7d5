package bloblang

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func init() {
	bloblang.MustRegisterMethodV2("html_text", bloblang.NewPluginSpec().
		Category("Connector").
		Description("The text of HTML such as Pipedrive's notes, without tags, scripts and entities. Paragraphs, list items, table rows and `<br>` "+
			"become lines; empty lines go. Text without a tag keeps its own lines. Null stays null.").
		Param(bloblang.NewInt64Param("max_length").Optional().
			Description("At most so many characters: a longer text is cut at a word and ends in `…`.")).
		Example("", `root.note = this.note.html_text(20)`,
			[2]string{`{"note":"<p>Call &amp; ask:</p><ul><li>price</li></ul>"}`, `{"note":"Call & ask:\nprice"}`},
			[2]string{`{"note":"<b>Wants</b> to talk about the renewal"}`, `{"note":"Wants to talk about…"}`}),
		func(args *bloblang.ParsedParams) (bloblang.Method, error) {
			given, err := args.GetOptionalInt64("max_length")
			if err != nil {
				return nil, err
			}
			if given != nil && *given < 1 {
				return nil, errors.New("max_length of html_text has to be 1 or more: leave it out for no limit")
			}
			plain := bloblang.StringMethod(func(s string) (any, error) {
				if s = htmlText(s); given != nil {
					s = cut(s, int(*given))
				}
				return s, nil
			})
			return func(v any) (any, error) {
				if v == nil {
					return nil, nil
				}
				return plain(v)
			}, nil
		})
}

// breaks are the elements that stand on lines of their own.
var breaks = atoms(
	atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Br, atom.Dd, atom.Div, atom.Dl, atom.Dt, atom.Figure, atom.Footer, atom.Form,
	atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.Li, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre,
	atom.Section, atom.Table, atom.Tr, atom.Ul,
)

// unseen are the elements that a browser does not show.
var unseen = atoms(
	atom.Iframe, atom.Noscript, atom.Object, atom.Script, atom.Style, atom.Template, atom.Textarea, atom.Title,
)

var (
	tag      = regexp.MustCompile(`<[a-zA-Z/!?]`)
	lineless = strings.NewReplacer("\n", " ", "\r", " ") // a line in the source is none on the page
)

func atoms(of ...atom.Atom) map[atom.Atom]bool {
	m := map[atom.Atom]bool{}
	for _, a := range of {
		m[a] = true
	}
	return m
}

func htmlText(s string) string {
	if !tag.MatchString(s) {
		return tidy(html.UnescapeString(s))
	}
	var b strings.Builder
	hidden := atom.Atom(0) // the element in which nothing is seen
	depth := 0             // of elements of its name
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken: // the end
			return tidy(b.String())
		case html.TextToken:
			if hidden == 0 {
				b.WriteString(lineless.Replace(string(z.Text())))
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			element := atom.Lookup(name)
			switch {
			case hidden == 0 && kind == html.StartTagToken && unseen[element]:
				hidden, depth = element, 1
			case hidden == 0 && breaks[element]:
				b.WriteByte('\n')
			case hidden == 0 && (element == atom.Td || element == atom.Th):
				b.WriteByte(' ')
			case hidden != 0 && element == hidden && kind == html.StartTagToken:
				depth++
			case hidden != 0 && element == hidden && kind == html.EndTagToken:
				if depth--; depth == 0 {
					hidden = 0
				}
			}
		}
	}
}

// tidy leaves no empty lines, and one space where there are several.
func tidy(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// cut shortens a text to so many characters, the ellipsis included: at a word, unless that one alone is
// longer.
func cut(s string, most int) string {
	all := []rune(s)
	if len(all) <= most {
		return s
	}
	end := most - 1
	for end > 0 && !unicode.IsSpace(all[end]) {
		end--
	}
	if end == 0 {
		end = most - 1
	}
	return strings.TrimRightFunc(string(all[:end]), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;:.–-", r) }) + "…"
}
