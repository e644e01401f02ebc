// Tells of notices that were posted while the page is open.
const news = document.getElementById("news");
let count = 0;

new EventSource("/board/live").addEventListener("notice", (event) => {
  const notice = JSON.parse(event.data);
  count += 1;
  const link = document.createElement("a");
  link.href = `/board/${notice.id}`;
  link.textContent = notice.title;
  news.replaceChildren(`${count === 1 ? "A new notice" : `${count} new notices`}, by ${notice.author}: `, link);
  news.hidden = false;
});
