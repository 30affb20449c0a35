// The box in a table's head chooses every row of the table.
document.addEventListener("change", (event) => {
  if (!event.target.matches("input.all")) return;
  for (const box of event.target.closest("table").querySelectorAll("tbody input[type=checkbox]")) {
    box.checked = event.target.checked;
  }
});
