package page

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"connector/sandbox/brevo"
)

func TestBrowser_ADealIsDraggedAndItsListAndEventArrive(t *testing.T) {
	d := start(t, 0).withDeals(3)
	d.Brevo.PutList(61, "Early stages")
	d.Brevo.PutList(62, "Late stages")
	d.Brevo.PutContact(brevo.Contact{Email: "first@mail.example.org", ExtID: "1", ListIDs: []int64{61}})
	b := browse(t, d.url+"/deals")
	b.until(`document.querySelectorAll(".stage[data-stage='1'] .card").length === 3`)

	b.drag(".card[data-deal='2']", ".stage[data-stage='2']")
	b.until(`document.querySelector(".stage[data-stage='2'] .card.picked[data-deal='2']")`)
	assert.Eventually(t, func() bool { return number(d.Pipedrive.Records("deal", 1, 1)[0]["stage_id"]) == 2 }, patience, tick)
	b.until(`document.querySelector("#picked-lists").textContent === "Early stages"`)

	d.Brevo.PutContact(brevo.Contact{Email: "first@mail.example.org", ExtID: "1", ListIDs: []int64{62}})
	d.event(`{"event_name":"deal_stage_changed","identifiers":{"ext_id":"1"},"event_properties":{"stage":"Stage 2"}}`)
	b.until(`document.querySelector("#picked-lists .fresh")?.textContent === "Late stages"`)
	b.until(`document.querySelector("#events li.picked.fresh b")?.textContent === "deal_stage_changed"`)
	assert.Empty(t, b.console)

	shown := 0
	b.eval(`document.querySelectorAll(".card").length`, &shown)
	assert.Equal(t, 3, shown)
}

func TestBrowser_ADealIsMovedByTheKeyboard(t *testing.T) {
	d := start(t, 0).withDeals(1)
	b := browse(t, d.url+"/deals")
	b.until(`document.querySelector(".card")`)
	b.eval(`document.querySelector(".card").focus()`, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}, nil)
	b.until(`document.querySelector(".stage[data-stage='2'] .card")`)
	assert.Eventually(t, func() bool { return number(d.Pipedrive.Records("deal", 0, 1)[0]["stage_id"]) == 2 }, patience, tick)
}

func TestBrowser_TitlesAreTextWhateverTheyLookLike(t *testing.T) {
	const hostile = `<img src=x onerror="document.title='owned'">`
	d := start(t, 0).withDeals(1)
	d.Pipedrive.Put("deal", map[string]any{"id": 2, "title": hostile, "stage_id": 2, "pipeline_id": 1})
	d.Pipedrive.Put("stage", map[string]any{"id": 2, "name": hostile, "pipeline_id": 1, "order_nr": 2})
	b := browse(t, d.url+"/deals?deal=2")
	b.until(`document.querySelector(".card[data-deal='2'] b")?.textContent.startsWith("<img")`)
	images, title := -1, ""
	b.eval(`document.querySelectorAll("main img").length`, &images)
	b.eval(`document.title`, &title)
	assert.Equal(t, 0, images)
	assert.Equal(t, "Deals: Pipedrive to Brevo", title)
}
