"""Whether the text of an open page can be read: WCAG 2 contrast, AA, of all that is shown."""

from playwright.sync_api import Page

# Text on a canvas is not seen here: tests/test_screen_shell.py measures its colours.
_FAINT = """() => {
    const parts = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = ([r, g, b, a], below) =>
        [...[r, g, b].map((v, i) => v * a + below[i] * (1 - a)), 1];
    const light = ([r, g, b]) => {
        const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const groundOf = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) {
            const colour = parts(getComputedStyle(at).backgroundColor);
            if (colour[3] > 0) layers.push(colour);
            if (colour[3] === 1) break;
        }
        return layers.reduceRight((below, above) => over(above, below), [255, 255, 255, 1]);
    };
    const strength = (element) => {
        let all = 1;
        for (let at = element; at; at = at.parentElement) all *= getComputedStyle(at).opacity;
        return all;
    };
    const found = new Map();
    const weigh = (element, style, text) => {
        const ground = groundOf(element);
        const [r, g, b, a] = parts(style.color);
        const ink = over([r, g, b, a * strength(element)], ground);
        const [one, two] = [light(ink), light(ground)].sort((p, q) => q - p);
        const ratio = (one + 0.05) / (two + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (ratio >= (large ? 3 : 4.5)) return;
        const on = ground.slice(0, 3).map(Math.round);
        const what = `${element.tagName}.${element.className} ${style.color} on ${on}`;
        found.set(what, `${ratio.toFixed(2)} ${what}: ${text.trim().slice(0, 24)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let seen = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.textContent.trim()) continue;
        if (element.closest("script, style, noscript, option, svg")) continue;
        // What cannot be used now is exempt.
        if (element.closest(":disabled")) continue;
        const style = getComputedStyle(element);
        const range = document.createRange();
        range.selectNodeContents(node);
        const { width, height } = range.getBoundingClientRect();
        if (width < 2 || height < 2 || style.visibility !== "visible") continue;
        seen++;
        weigh(element, style, node.textContent);
    }
    for (const field of document.querySelectorAll("[placeholder]")) {
        const style = getComputedStyle(field, "::placeholder");
        if (field.offsetWidth) weigh(field, style, field.placeholder);
    }
    return { seen, faint: [...found.values()] };
}"""


def all_legible(page: Page, least: int = 10) -> None:
    """Every text of the page stands out by 4.5 : 1, large text by 3 : 1; there is some text."""
    for _ in range(100):
        told = page.evaluate(_FAINT)
        if told["seen"] >= least and not told["faint"]:
            return
        page.wait_for_timeout(100)  # a colour may be passing into another
    assert told["seen"] >= least, (page.url, told["seen"])
    assert told["faint"] == [], page.url
