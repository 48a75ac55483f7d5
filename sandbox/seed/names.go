package seed

import (
	"fmt"
	"strings"
)

// The pools are small and joined by number, so that no name is copied from anywhere.
var (
	firstNames = strings.Fields(`Ada Bruno Carla Dieter Elif Farid Greta Hugo Ilse Jonas Katya Lotte Marek Nadia Oskar
		Paola Quirin Rosa Sven Tilda Ugo Vera Wim Xenia Yara Zeno Anaïs Björn Chloé Dušan Eloïse Frédéric Gül Håkon
		Íris João Kübra Łucja Márton Noémi Øyvind Renée Søren Zoë Amara Chidi Kenji Mei Ravi Sunita Thandi Yusuf
		Alba Benno Celia Dario Edda Fabio`)
	lastNames = strings.Fields(`Lovell Abernethy Brandhuber Castellano Drummer Eskelund Ferrandiz Grotewohl Hallgrim
		Iversholt Jansma Kowalewicz Lindenquist Marchetto Nordahlsen Okonjima Pellerino Quistgard Rosenbrandt Sandoval
		Tervonen Ullrichsen Vandermark Wexcombe Ximenez Yildiran Zawadska Achterberg Bellefonte Corvinelli Dunmarrow
		Eichenlaub Fairweathers Gyllensten Haverkamp Ingebright Jaroszka Krämling Løvskar Müllerich Nakagoshi
		Öztekinel Přibylova Quennell Räsälä Šimonek Tørresdal Uhlenbeck Vågsnes Weißhaupten Yamadori Zúñigara
		Ashgrove Birkenfeldt Copperwaite Delacroisse Elmsworth Fontanelli Greenhalghe Hollinbeck`)
	orgFirst = strings.Fields(`Harbourline Northfield Alderbrook Silvertide Kestrel Meridian Oakhurst Bluepeak Ironbridge
		Larkspur Stonegate Willowmere Brightwater Copperleaf Driftwood Elderfield Foxglove Granite Heather Inkwell`)
	orgSecond = strings.Fields(`Works Logistics Foods Systems Textiles Robotics Optics Timber Marine Energy Studios Labs
		Metals Paper Tools Health`)
	orgForms     = []string{"Ltd", "GmbH", "B.V.", "S.A.", "AB", "Inc"}
	productNames = []string{
		"Pump P10", "Pump P20", "Valve V1", "Valve V2", "Sensor S1", "Sensor S2", "Filter kit", "Service visit",
		"Training day", "Spare parts box", "Control unit", "Mounting frame",
	}
	dealWords = []string{"Pumps", "Service contract", "Retrofit", "Starter kit", "Sensors", "Training", "Renewal", "Spare parts"}
	streets   = []string{"Harbour Street", "Mill Lane", "Station Road", "Linden Avenue", "Market Square", "Canal Walk"}
	places    = []place{
		{"Bristol", "United Kingdom", "BS1 4ST"}, {"Leiden", "Netherlands", "2312 AB"}, {"Kiel", "Germany", "24103"},
		{"Nantes", "France", "44000"}, {"Uppsala", "Sweden", "753 20"}, {"Girona", "Spain", "17001"},
	}
)

type place struct{ town, country, code string }

func personName(i int) (first, last string) {
	f := i % len(firstNames)
	return firstNames[f], lastNames[(i/len(firstNames)+f)%len(lastNames)]
}

// uniqueNames is how many persons come before the first name is used again.
func uniqueNames() int { return len(firstNames) * len(lastNames) }

func orgName(i int) string {
	name := orgFirst[i%len(orgFirst)] + " " + orgSecond[(i/len(orgFirst)+i)%len(orgSecond)]
	if round := i / (len(orgFirst) * len(orgSecond)); round > 0 {
		name += fmt.Sprintf(" %d", round+1)
	}
	return name + " " + orgForms[i%len(orgForms)]
}

func orgDomain(i int) string {
	name := strings.TrimSuffix(orgName(i), " "+orgForms[i%len(orgForms)])
	return strings.ReplaceAll(slug(name), ".", "-") + "." + []string{"example.com", "example.org", "example.net"}[i%3]
}

var toASCII = strings.NewReplacer(
	"ï", "i", "ö", "o", "é", "e", "š", "s", "ü", "u", "å", "a", "í", "i", "ã", "a", "ł", "l", "á", "a", "ø", "o", "ë", "e",
	"ä", "a", "ř", "r", "ß", "ss", "ú", "u", "ñ", "n", " ", ".",
)

// slug turns a name into the left part of an address.
func slug(name string) string { return toASCII.Replace(strings.ToLower(name)) }

func address(street string, number int, p place) record {
	full := fmt.Sprintf("%s %d, %s %s, %s", street, number, p.code, p.town, p.country)
	return record{
		"value": full, "country": p.country, "admin_area_level_1": nil, "admin_area_level_2": nil, "locality": p.town,
		"sublocality": nil, "route": street, "street_number": fmt.Sprint(number), "subpremise": nil, "postal_code": p.code,
	}
}

func taxNumber(i int) string { return fmt.Sprintf("TX%08d", 31_000_000+i) }

// phone is a valid international number that no other person has.
func phone(i int) string {
	switch i % 6 {
	case 0:
		return fmt.Sprintf("+44 7400 %06d", i)
	case 1:
		return fmt.Sprintf("+49 151 %08d", 20_000_000+i)
	case 2:
		return fmt.Sprintf("+31 6 1%07d", i)
	case 3:
		if i/6 < 100 {
			return fmt.Sprintf("+1 202 555 01%02d", i/6)
		}
		return fmt.Sprintf("+34 612 %06d", i)
	case 4:
		return fmt.Sprintf("+33 6 12%06d", i)
	}
	return fmt.Sprintf("+46-70-%07d", i)
}
