/** The orders of all books as CSV: one a line, for a spreadsheet. */
import type { BookView, OrderRow } from './protocol/exchange.ts';
import { DAY } from './protocol/ouch/layout.ts';
import { formatTenths } from './protocol/ouch/prices.ts';

const HEADER = 'side,price,quantity,orderbook_id,name,group,time_in_force,received,order_number,user,token\n';

/** Best first, the bids of a book ahead of its asks. */
export function formatBookCsv(views: readonly BookView[]): string {
  const lines = views.flatMap((view) =>
    [...view.buyOrders, ...view.sellOrders].map((order) => formatOrder(view, order)),
  );
  return HEADER + lines.join('');
}

function formatOrder({ row }: BookView, order: OrderRow): string {
  const { side, price, quantity, timeMs, orderNumber, user, token } = order;
  const fields = [
    ...[side, formatTenths(price), quantity, row.id, row.name, row.group.trimEnd()],
    ...[DAY, new Date(timeMs).toISOString(), orderNumber, user, token],
  ];
  return `${fields.map(quoted).join(',')}\n`;
}

function quoted(field: string | number): string {
  const text = String(field);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
