import { PrometheusDriver } from 'prometheus-query';

export const driver = PrometheusDriver;
