// What the active viewport of OHIF shows: read from the page, never from OHIF's state of annotations.
window.foraminaTests = {
  viewport() {
    const { cornerstoneViewportService, viewportGridService } = window.services;
    return cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId());
  },

  // Give the ids under which OHIF lists a series on the left.
  displaySets(seriesInstanceUid) {
    return window.services.displaySetService
      .getActiveDisplaySets()
      .filter(found => found.SeriesInstanceUID === seriesInstanceUid)
      .map(found => found.displaySetInstanceUID);
  },

  // Tell whether a series was given to a viewport.
  isChosen(seriesInstanceUid) {
    const found = new Set(this.displaySets(seriesInstanceUid));
    const { viewports } = window.services.viewportGridService.getState();
    return [...viewports.values()].some(one => one.displaySetInstanceUIDs.some(id => found.has(id)));
  },

  // Turn to the image of a SOP Instance UID and frame number; false when the viewport has no such image.
  async turnTo([sopInstanceUid, frameNumber]) {
    const viewport = this.viewport();
    const index = viewport.getImageIds().findIndex(id => {
      const found = window.cornerstone.metaData.get('instance', id);
      const frame = Number(/\/frames\/(\d+)/.exec(id)?.[1] ?? 1);
      return found?.SOPInstanceUID === sopInstanceUid && frame === (frameNumber ?? 1);
    });
    if (index < 0) return false;
    const drawn = new Promise(done => {
      const event = window.cornerstoneTools.Enums.Events.ANNOTATION_RENDERED;
      viewport.element.addEventListener(event, done, { once: true });
      setTimeout(done, 1000); // where no tool draws, no event comes
    });
    await viewport.setImageIdIndex(index);
    viewport.render();
    await drawn;
    return true;
  },

  // Read the arrows with their text: [{text, point_mm}], the point being where the arrow's head ends.
  // Behind its lines an arrow has its text, then a dashed line from its tail to the text.
  arrows() {
    const viewport = this.viewport();
    const layer = viewport.element.querySelector('svg.svg-layer');
    const ends = line => ['x1', 'y1', 'x2', 'y2'].map(name => Number(line.getAttribute(name)));
    const lines = [...layer.querySelectorAll('line:not([stroke-dasharray])')].map(ends);
    const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 0.01;
    return [...layer.querySelectorAll('g[data-annotation-uid]')]
      .filter(group => group.querySelector('text')?.getBoundingClientRect().width > 0)
      .map(group => {
        const link = group.nextElementSibling;
        const tail = link?.getAttribute('stroke-dasharray') ? ends(link).slice(0, 2) : [NaN, NaN];
        const shaft = lines.find(line => near(line, tail));
        const text = [...group.querySelectorAll('tspan')].map(part => part.textContent).join(' ');
        return { text, point_mm: shaft ? Array.from(viewport.canvasToWorld(shaft.slice(2))) : null };
      });
  },

  // Give the range of the grey values of the active viewport; 0 while it draws no image.
  contrast() {
    if (!document.querySelector('[data-cy="viewport-pane"] canvas')) return 0; // services come first
    const canvas = this.viewport()?.canvas;
    if (!canvas?.width) return 0;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let least = 255, most = 0;
    for (let at = 0; at < data.length; at += 4 * 97) {
      least = Math.min(least, data[at]);
      most = Math.max(most, data[at]);
    }
    return most - least;
  },
};
