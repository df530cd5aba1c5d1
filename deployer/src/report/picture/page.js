(() => {
  const nodes = [...document.querySelectorAll('a.node')];
  const sections = [...document.querySelectorAll('aside section')];
  document.documentElement.classList.add('js');
  const show = (id) => {
    const found = sections.find((section) => section.id === id) || sections[0];
    sections.forEach((section) => section.classList.toggle('on', section === found));
    nodes.forEach((node) => {
      const on = node.getAttribute('href') === '#' + found.id;
      node.classList.toggle('on', on);
      if (on) node.setAttribute('aria-current', 'true'); else node.removeAttribute('aria-current');
    });
    found.parentElement.scrollTop = 0;
  };
  const drawing = document.querySelector('.drawing');
  const frame = document.querySelector('.frame');
  const button = document.querySelector('button');
  // The switch is there when the picture does not fit as it is.
  const measure = () => {
    if (drawing.classList.contains('fit')) return;
    drawing.classList.toggle('wide', frame.scrollWidth > frame.clientWidth + 1 || frame.scrollHeight > frame.clientHeight + 1);
  };
  const fit = (on) => {
    drawing.classList.toggle('fit', on);
    button.setAttribute('aria-pressed', String(on));
  };
  button.addEventListener('click', () => fit(!drawing.classList.contains('fit')));
  addEventListener('resize', measure);
  measure();
  // Where the details stand below the picture, choosing leads to them.
  const choose = (node) => {
    show(node.getAttribute('href').slice(1));
    if (matchMedia('(max-width:900px)').matches) document.querySelector('aside').scrollIntoView({ block: 'nearest' });
  };
  const middle = (node) => {
    const box = node.querySelector('.box').getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const next = (from, [dx, dy]) => {
    const [x, y] = middle(from);
    let best = null;
    for (const node of nodes) {
      if (node === from) continue;
      const [nx, ny] = middle(node);
      const along = (nx - x) * dx + (ny - y) * dy;
      const aside = Math.abs((nx - x) * dy) + Math.abs((ny - y) * dx);
      if (along > 4 && (!best || along + aside * 2 < best.far)) best = { node, far: along + aside * 2 };
    }
    return best && best.node;
  };
  document.addEventListener('keydown', (event) => {
    const at = document.activeElement;
    if (event.key === 'Escape') { show(''); return; }
    if (!nodes.includes(at)) return;
    if (event.key === ' ') { event.preventDefault(); choose(at); return; }
    const way = ways[event.key];
    if (!way) return;
    const to = next(at, way);
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  nodes.forEach((node) => node.addEventListener('click', (event) => {
    event.preventDefault();
    choose(node);
  }));
  const named = () => show(location.hash.slice(1));
  addEventListener('hashchange', named);
  named();
})();
