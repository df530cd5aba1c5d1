const found = [];
const box = (element) => element.getBoundingClientRect();
const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const svg = document.querySelector('svg');
const scale = box(svg).width / svg.viewBox.baseVal.width;
for (const text of svg.querySelectorAll('text')) {
  const size = parseFloat(getComputedStyle(text).fontSize) * scale;
  if (size < 11.99) found.push(`${size} px: ${text.textContent}`);
}
const cards = [...svg.querySelectorAll('.card')];
for (const card of cards) {
  const edge = box(card.querySelector('.box'));
  for (const text of card.querySelectorAll('.name, .under')) {
    if (box(text).right > edge.right || box(text).bottom > edge.bottom) found.push(`outside its card: ${text.textContent}`);
  }
}
const labels = [...svg.querySelectorAll('.label')];
labels.forEach((label, at) => {
  const frame = box(label.querySelector('rect'));
  const said = label.querySelector('text').textContent;
  if (box(label.querySelector('text')).width > frame.width) found.push(`wider than its frame: ${said}`);
  if (labels.slice(at + 1).some((other) => meet(frame, box(other.querySelector('rect'))))) found.push(`labels overlap: ${said}`);
  if (cards.some((card) => meet(frame, box(card.querySelector('.box'))))) found.push(`label on a card: ${said}`);
});
svg.querySelectorAll('path.edge').forEach((edge, at) => {
  const matrix = edge.getScreenCTM();
  for (let far = 12; far < edge.getTotalLength() - 12; far += 6) {
    const { x, y } = edge.getPointAtLength(far).matrixTransform(matrix);
    const through = cards.map((card) => box(card.querySelector('.box'))).some((b) => x > b.left + 1 && x < b.right - 1 && y > b.top + 1 && y < b.bottom - 1);
    if (through) { found.push(`edge ${at} goes through a card`); break; }
  }
});
return found;
