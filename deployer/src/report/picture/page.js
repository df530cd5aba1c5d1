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
    if (event.key === ' ') { event.preventDefault(); show(at.getAttribute('href').slice(1)); return; }
    const way = ways[event.key];
    if (!way) return;
    const to = next(at, way);
    if (to) { event.preventDefault(); to.focus(); }
  });
  nodes.forEach((node) => node.addEventListener('click', (event) => {
    event.preventDefault();
    show(node.getAttribute('href').slice(1));
  }));
  addEventListener('hashchange', () => show(decodeURIComponent(location.hash.slice(1))));
  show(decodeURIComponent(location.hash.slice(1)));
})();
