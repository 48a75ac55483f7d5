package brevo

import "strings"

// validEmail is stricter than RFC 5321 where mailbox providers are: ASCII dot-atoms, a domain of at
// least two labels, no address literal.
func validEmail(address string) bool {
	if len(address) > 254 || !isASCII(address) {
		return false
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 {
		return false
	}
	for atom := range strings.SplitSeq(address[:at], ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool { return !isAtom(r) }) >= 0 {
			return false
		}
	}
	labels := strings.Split(address[at+1:], ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.IndexFunc(label, func(r rune) bool { return r != '-' && !isAlphanumeric(r) }) >= 0 {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && len(last) > 1 && strings.Trim(last, "0123456789") != ""
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func isAtom(r rune) bool {
	return isAlphanumeric(r) || strings.ContainsRune("!#$%&'*+/=?^_`{|}~-", r)
}

// phoneDigits returns a number as Brevo stores it: country code and number, without + or 00. The
// documented forms are 91xxxxxxxxxx, +91xxxxxxxxxx and 0091xxxxxxxxxx, so spaces, dashes and
// brackets are refused, and so is a national number with its leading 0.
func phoneDigits(number string) (string, bool) {
	digits, found := strings.CutPrefix(number, "+")
	if !found {
		digits = strings.TrimPrefix(number, "00")
	}
	if len(digits) < 6 || len(digits) > 15 || digits[0] == '0' {
		return "", false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", false
		}
	}
	return digits, true
}
